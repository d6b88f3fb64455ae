"""Where a billing job stands: how far the bill has read each partition, and what the topic still keeps."""

from collections.abc import Mapping
from dataclasses import dataclass

from streamproc.billing.bill import Bill
from streamproc.billing.intake import Gap
from streamproc.errors import SetupError
from streamproc.kafka.reader import Place
from streamproc.kafka.usage_reader import UsageReader

__all__ = ["Kept", "Partition", "find_kept", "find_partitions"]


@dataclass(slots=True)
class Partition:
    """Where a partition stands.

    `stored` is the offset in the bill when what is being written is there; `next` is the one to read, `end` the last
    one known.
    """

    stored: int | None
    next: int
    end: int


@dataclass(frozen=True, slots=True)
class Kept:
    """What a topic keeps: for each partition the first offset, and the one behind the last."""

    begins: dict[Place, int]
    ends: dict[Place, int]


async def find_kept(reader: UsageReader, topic: str, read: Mapping[int, int], consequence: str) -> Kept:
    """What the topic keeps, in the order of its partitions.

    Args:
        reader: reads the topic.
        topic: its name.
        read: for each partition the offset up to which the bill has read it.
        consequence: what that means for the user, as the end of the sentence.

    Raises:
        SetupError: there is no such topic, or it ends before what was read.
    """
    places = await reader.existing(topic)
    begins, ends = await reader.begins(places), await reader.ends(places)
    for number, offset in read.items():
        if offset > (end := ends.get(Place(topic, number), 0)):
            raise SetupError(
                f"{topic} partition {number} ends at {end}, and the bill has read up to {offset}: the topic was"
                f" made anew or has lost records{consequence}"
            )
    return Kept({place: begins[place] for place in places}, ends)


async def find_partitions(reader: UsageReader, topic: str, bill: Bill) -> tuple[dict[Place, Partition], list[Gap]]:
    """All partitions of the topic, and the records that it dropped before anybody read them.

    Raises:
        SetupError: there is no such topic, or it was made anew since.
    """
    stored = await bill.offsets(topic)
    kept = await find_kept(
        reader,
        topic,
        stored,
        ". `streamproc billing run --from-beginning` reads it from its beginning; lines that are on the bill stay"
        " there, each once",
    )
    found, gaps = {}, []
    for place, begin in kept.begins.items():
        offset = stored.get(place.partition)
        found[place] = Partition(offset, begin if offset is None else max(offset, begin), kept.ends[place])
        # Lines of a partition without an offset are from before it was to be read from its beginning again.
        if (offset or 0) < begin and (offset is not None or not await bill.has_lines(topic, place.partition)):
            gaps.append(Gap(place.partition, offset or 0, begin))
    return found, gaps
