"""Where a billing job stands: how far the bill has read each partition, and what the topic still keeps."""

from dataclasses import dataclass

from streamproc.billing.bill import Bill
from streamproc.billing.intake import Gap
from streamproc.errors import SetupError
from streamproc.kafka.reader import Place
from streamproc.kafka.usage_reader import UsageReader

__all__ = ["Partition", "find_partitions"]


@dataclass(slots=True)
class Partition:
    """Where a partition stands.

    `stored` is the offset in the bill when what is being written is there; `next` is the one to read, `end` the last
    one known.
    """

    stored: int | None
    next: int
    end: int


async def find_partitions(reader: UsageReader, topic: str, bill: Bill) -> tuple[dict[Place, Partition], list[Gap]]:
    """All partitions of the topic, and the records that it dropped before anybody read them.

    Raises:
        SetupError: there is no such topic, or it was made anew since.
    """
    places = await reader.existing(topic)
    stored = await bill.offsets(topic)
    begins, ends = await reader.begins(places), await reader.ends(places)
    for number, read in stored.items():
        if read > (end := ends.get(Place(topic, number), 0)):
            raise SetupError(
                f"{topic} partition {number} ends at {end}, and the bill has read up to {read}: the topic was"
                " made anew or has lost records. `streamproc billing run --from-beginning` reads it from its"
                " beginning; lines that are on the bill stay there, each once"
            )
    found, gaps = {}, []
    for place in places:
        offset, begin = stored.get(place.partition), begins[place]
        found[place] = Partition(offset, begin if offset is None else max(offset, begin), ends[place])
        # Lines of a partition without an offset are from before it was to be read from its beginning again.
        if (offset or 0) < begin and (offset is not None or not await bill.has_lines(topic, place.partition)):
            gaps.append(Gap(place.partition, offset or 0, begin))
    return found, gaps
