"""The billing job: usage lines from their topic into the bill, each once, together with the offsets."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from streamproc.billing.bill import Bill
from streamproc.billing.happenings import (
    BatchStored,
    BillingObserver,
    JobStarted,
    KafkaAway,
    LineConflicts,
    RecordsMissed,
    RecordUnreadable,
)
from streamproc.billing.intake import Gap, Intake, Unreadable
from streamproc.billing.line import read_line
from streamproc.billing.partitions import Partition, find_partitions
from streamproc.billing.second_look import look_again
from streamproc.billing.sums import Sorted, Taken
from streamproc.billing.tally import Tally
from streamproc.errors import SetupError
from streamproc.kafka.reader import Place
from streamproc.kafka.usage_reader import OffsetGone, Slice, UsageReader
from streamproc.records.usage_record import UnreadableRecord

__all__ = ["Aggregation"]

_IDLE_SECONDS = 0.2
_AWAY_SECONDS = 1.0
_PATIENCE_SECONDS = 60.0  # longer than Kafka lets a dead worker's transaction stand open
_LINES_AT_ONCE = 100
_PARTITIONS_SECONDS = 30.0  # between two looks for partitions that were added


@dataclass(slots=True)
class _Found:
    """What a slice holds: lines, and records that are none."""

    taken: list[Taken] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)


class Aggregation:
    """Reads on until it is told to stop, or to where the topic ended at the start.

    Args:
        reader: connected, of the cluster that has the topic.
        topic: of usage lines.
        bill: where they go.
        observer: is told of every batch and every trouble.
        skip_unreadable: goes on behind records that cannot be read, and notes them; otherwise they end the job.
        time: unix seconds.
        monotonic: seconds that only grow.
    """

    def __init__(
        self,
        reader: UsageReader,
        topic: str,
        bill: Bill,
        observer: BillingObserver,
        *,
        skip_unreadable: bool,
        time: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self._reader = reader
        self._topic = topic
        self._bill = bill
        self._observer = observer
        self._skip_unreadable = skip_unreadable
        self._time = time
        self._monotonic = monotonic
        self._partitions: dict[Place, Partition] = {}
        self._writing: asyncio.Task[None] | None = None
        self.tally = Tally()

    @property
    def behind(self) -> int:
        """Offsets that are left to read, as far as it is known."""
        return sum(max(one.end - one.next, 0) for one in self._partitions.values())

    async def run(self, stop: asyncio.Event, *, until_end: bool) -> Tally:
        """Stores batch after batch; one that has begun is finished before it stops.

        While the database stores one batch, the next one is read.

        Raises:
            SetupError: a record cannot be read, the topic was made anew, or the bill is not usable; with `until_end`
                also when nothing comes for a minute though there is more. What was stored before stays.
        """
        try:
            await self._read_on(stop, until_end=until_end)
        finally:
            await self._written()
        return self.tally

    async def _read_on(self, stop: asyncio.Event, *, until_end: bool) -> None:
        ends = await self._find_partitions()
        await self._look_again()
        self._observer.saw(JobStarted(self._topic, len(self._partitions), self.behind))
        looked = moved = self._monotonic()
        while not stop.is_set():
            before = {place: one.next for place, one in self._partitions.items()}
            if until_end and all(offset >= ends[place] for place, offset in before.items()):
                break
            try:
                away = await self._round(before, stop)
            except OffsetGone:
                await self._find_partitions()
                await _wait(stop, _IDLE_SECONDS)
                continue
            now = self._monotonic()
            if any(one.next != before[place] for place, one in self._partitions.items()):
                moved = now
                continue
            if away:
                self._observer.saw(KafkaAway(self._topic, away))
            if until_end and now - moved > _PATIENCE_SECONDS:
                raise SetupError(self._stuck(ends))
            if not until_end and now - looked > _PARTITIONS_SECONDS:
                looked = now
                await self._find_partitions()
            await self._written()
            await _wait(stop, _AWAY_SECONDS if away else _IDLE_SECONDS)

    async def _find_partitions(self) -> dict[Place, int]:
        """Compares the offsets in the bill with what the topic has; gives its ends."""
        await self._written()
        self._partitions, gaps = await find_partitions(self._reader, self._topic, self._bill)
        if gaps:
            await self._note_gaps(gaps)
        return {place: one.end for place, one in self._partitions.items()}

    async def _note_gaps(self, gaps: list[Gap]) -> None:
        partitions = {gap.partition: self._partitions[Place(self._topic, gap.partition)] for gap in gaps}
        steps = {gap.partition: (partitions[gap.partition].stored, gap.until) for gap in gaps}
        await self._bill.put(Intake(self._topic, steps, gaps=gaps), self._now_us())
        for gap in gaps:
            partitions[gap.partition].stored = gap.until
            self.tally.missed += gap.until - gap.offset
            self._observer.saw(RecordsMissed(self._topic, *gap))

    async def _look_again(self) -> None:
        began = self._monotonic()
        async for done in look_again(self._reader, self._topic, self._bill, self._now_us):
            self.tally.reread += len(done.new) + done.repeated + len(done.conflicts)
            self._count(done, self._monotonic() - began)
            began = self._monotonic()

    async def _round(self, offsets: Mapping[Place, int], stop: asyncio.Event) -> int:
        """Asks every partition once; gives how many have nobody who answers."""
        away = 0
        async for slices in self._reader.slices(offsets):
            away += sum(one.end is None for one in slices)
            await self._store(slices)
            if stop.is_set():
                break
        return away

    async def _store(self, slices: list[Slice]) -> None:
        found = _Found()
        steps = {}
        for one in slices:
            partition = self._partitions[one.place]
            partition.end = one.end if one.end is not None else partition.end
            if one.next != partition.next:
                await self._read(one, found)
                steps[one.place.partition] = (partition.stored, one.next)
        if not steps:
            return
        await self._written()
        for number, (_, after) in steps.items():
            partition = self._partitions[Place(self._topic, number)]
            partition.stored = partition.next = after
        self._writing = asyncio.create_task(self._write(steps, found), name="billing-write")

    async def _written(self) -> None:
        """Waits for the batch that is being stored, and raises what went wrong with it."""
        writing, self._writing = self._writing, None
        if writing is not None:
            await writing

    async def _write(self, steps: Mapping[int, tuple[int | None, int]], found: _Found) -> None:
        began = self._monotonic()
        done = await self._bill.put(Intake(self._topic, steps, found.taken, found.unreadable), self._now_us())
        self.tally.unreadable += len(found.unreadable)
        for unreadable in found.unreadable:
            self._observer.saw(RecordUnreadable(self._topic, *unreadable))
        self._count(done, self._monotonic() - began)

    def _count(self, done: Sorted, seconds: float) -> None:
        self.tally.lines += len(done.new)
        self.tally.repeated += done.repeated
        self.tally.conflicts += len(done.conflicts)
        for wrong in done.conflicts:
            self._observer.saw(LineConflicts(wrong.line.usage_id, self._topic, wrong.partition, wrong.offset))
        self._observer.saw(BatchStored(len(done.new), done.repeated, self.behind, seconds))

    async def _read(self, one: Slice, found: _Found) -> None:
        for number, record in enumerate(one.records, 1):
            if number % _LINES_AT_ONCE == 0:
                await asyncio.sleep(0)  # the batch before has its next step to do
            try:
                line = read_line(record)
            except UnreadableRecord as error:
                if not self._skip_unreadable:
                    raise SetupError(
                        f"{self._topic} partition {record.place.partition} offset {record.offset} cannot be read:"
                        f" {error}. Nothing from there on is on the bill; --skip-unreadable notes it and goes on"
                    ) from error
                found.unreadable.append(Unreadable(record.place.partition, record.offset, str(error)))
            else:
                found.taken.append(Taken(record.place.partition, record.offset, line, record.value or b""))

    def _stuck(self, ends: Mapping[Place, int]) -> str:
        place = next(place for place, one in self._partitions.items() if one.next < ends[place])
        return (
            f"{self._topic} partition {place.partition} gives nothing from offset {self._partitions[place].next} on,"
            f" though it ends at {ends[place]}: its leader is away, or a transaction is open there. Try again later"
        )

    def _now_us(self) -> int:
        return int(self._time() * 1_000_000)


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        pass
