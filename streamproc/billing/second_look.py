"""The second look: records that could not be read are read again, for a newer program may know their version."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence

from streamproc.billing.bill import Bill
from streamproc.billing.intake import Intake
from streamproc.billing.line import read_line
from streamproc.billing.sums import Sorted, Taken
from streamproc.kafka.reader import Place, Record
from streamproc.kafka.usage_reader import OffsetGone, UsageReader
from streamproc.records.usage_record import UnreadableRecord

__all__ = ["look_again"]

_TRIES = 10
_PAUSE_SECONDS = 0.2


async def look_again(reader: UsageReader, topic: str, bill: Bill, now_us: Callable[[], int]) -> AsyncIterator[Sorted]:
    """Puts what can be read now on the bill, and takes the notes about it away, both in one transaction.

    Gives what became of each batch. Records that are gone, or still cannot be read, stay noted; so do those whose
    leader is away for longer than some seconds, for the next job.

    Raises:
        SetupError: the bill is not usable.
        KafkaError: Kafka refuses us, or what it sent is damaged.
    """
    left: dict[Place, list[int]] = {}
    for partition, offset in await bill.unreadable(topic):
        left.setdefault(Place(topic, partition), []).append(offset)
    tries = 0
    while tries < _TRIES and (left := await _kept(reader, left)):
        before = {place: offsets[0] for place, offsets in left.items()}
        tries += 1
        try:
            async for slices in reader.slices(before):
                taken: list[Taken] = []
                for one in slices:
                    noted = set(left[one.place])
                    taken += _readable(record for record in one.records if record.offset in noted)
                    left[one.place] = [offset for offset in left[one.place] if offset >= one.next]
                    if one.next > before[one.place]:
                        tries = 0
                if taken:
                    yield await bill.put(Intake(topic, {}, taken, again=True), now_us())
        except OffsetGone:
            continue  # retention has moved on
        if tries:
            await asyncio.sleep(_PAUSE_SECONDS)  # leaders are away, maybe for a moment only


async def _kept(reader: UsageReader, left: Mapping[Place, Sequence[int]]) -> dict[Place, list[int]]:
    """Those that the topic still has."""
    if not left:
        return {}
    begins, ends = await reader.begins(left), await reader.ends(left)
    kept = {place: [one for one in offsets if begins[place] <= one < ends[place]] for place, offsets in left.items()}
    return {place: offsets for place, offsets in kept.items() if offsets}


def _readable(records: Iterable[Record]) -> Iterator[Taken]:
    for record in records:
        try:
            yield Taken(record.place.partition, record.offset, read_line(record), record.value or b"")
        except UnreadableRecord:
            continue
