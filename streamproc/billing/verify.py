"""Verification: the usage topic added up again, as far as the bill has read it, and held against the bill."""

from collections import Counter
from dataclasses import dataclass, field

from streamproc.billing.bill import Bill
from streamproc.billing.line import read_line
from streamproc.billing.partitions import find_kept
from streamproc.billing.total import Total
from streamproc.errors import SetupError
from streamproc.kafka.reader import Place
from streamproc.kafka.usage_reader import UsageReader
from streamproc.records.usage_record import UnreadableRecord

__all__ = ["Verdict", "verify"]


@dataclass(slots=True)
class Verdict:
    """What was found.

    Attributes:
        topic: totals of the topic's lines by tenant. A line that came twice counts once, one whose id another line has
            does not.
        bill: totals of the bill's lines that were read from the same offsets.
        changed: lines by tenant that say something else on the bill than in the topic.
        wrong_sums: tenants whose tables of sums, which reports are made of, do not say what the bill's lines do.
        conflicts: lines of the topic that are not on the bill, because another one has their id.
        unreadable: records of the topic that cannot be read.
        gone: offsets that the bill has read and the topic does not keep any more; they cannot be verified.
    """

    topic: dict[str, Total] = field(default_factory=dict)
    bill: dict[str, Total] = field(default_factory=dict)
    changed: Counter[str] = field(default_factory=Counter)
    wrong_sums: list[str] = field(default_factory=list)
    conflicts: int = 0
    unreadable: int = 0
    gone: int = 0

    def differences(self) -> dict[str, Total]:
        """Bill less topic, of the tenants where they differ."""
        return {
            tenant: difference
            for tenant in sorted(self.topic.keys() | self.bill.keys())
            if any(difference := self.bill.get(tenant, Total()).minus(self.topic.get(tenant, Total())))
        }

    @property
    def is_equal(self) -> bool:
        """Whether everything on the bill is what the topic says."""
        return not (self.differences() or self.changed or self.wrong_sums)


async def verify(reader: UsageReader, topic: str, bill: Bill) -> Verdict:
    """Reads the topic from its beginning to the offsets in the bill.

    Raises:
        SetupError: the bill has read nothing, or the topic was made anew since.
        TimeoutError: Kafka gave nothing for a minute, though there is more.
    """
    stored = await bill.offsets(topic)
    if not stored:
        raise SetupError(f"the bill has read nothing of {topic} yet: `streamproc billing run` does it")
    kept = await find_kept(reader, topic, stored, ", so there is nothing to verify against")
    spans = {
        place: (begin, stored[place.partition]) for place, begin in kept.begins.items() if place.partition in stored
    }
    verdict = Verdict(gone=sum(min(*span) for span in spans.values()))
    await _read(reader, bill, {place: span for place, span in spans.items() if span[0] < span[1]}, verdict)
    verdict.bill = await bill.totals_of_lines(topic, {place.partition: span for place, span in spans.items()})
    verdict.wrong_sums = await bill.wrong_sums()
    return verdict


async def _read(reader: UsageReader, bill: Bill, spans: dict[Place, tuple[int, int]], verdict: Verdict) -> None:
    async for records in reader.between(spans):
        lines = {}
        for record in records:
            try:
                lines[(record.place.topic, record.place.partition, record.offset)] = read_line(record)
            except UnreadableRecord:
                verdict.unreadable += 1
        known = await bill.found([line.usage_id for line in lines.values()]) if lines else {}
        for place, line in lines.items():
            # Where the bill took a line from tells its first record from those that repeat or contradict it.
            taken_from, billed = known.get(line.usage_id, (place, None))
            if taken_from == place:
                verdict.topic[line.tenant] = verdict.topic.get(line.tenant, Total()).plus(line)
                if billed not in (None, line):
                    verdict.changed[line.tenant] += 1
            elif billed != line:
                verdict.conflicts += 1
