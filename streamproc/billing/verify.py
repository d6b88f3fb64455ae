"""Verification: the usage topic added up again, as far as the bill has read it, and held against the bill."""

from dataclasses import dataclass

from streamproc.billing.bill import Bill
from streamproc.billing.line import read_line
from streamproc.billing.partitions import find_kept
from streamproc.billing.total import Total
from streamproc.errors import SetupError
from streamproc.kafka.reader import Place
from streamproc.kafka.usage_reader import UsageReader
from streamproc.records.usage_record import UnreadableRecord

__all__ = ["Verdict", "verify"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found, by tenant.

    Attributes:
        topic: totals of the topic's lines. A line that came twice counts once, one whose id another line has does not.
        bill: totals of the bill's lines that were read from the same offsets.
        lines: totals of all lines of the bill.
        sums: totals of its tables of sums, which reports are made of.
        unreadable: records of the topic that cannot be read.
        gone: offsets that the bill has read and the topic does not keep any more; they cannot be verified.
    """

    topic: dict[str, Total]
    bill: dict[str, Total]
    lines: dict[str, Total]
    sums: dict[str, tuple[Total, ...]]
    unreadable: int
    gone: int

    def differences(self) -> dict[str, Total]:
        """Bill less topic, of the tenants where they differ."""
        return {
            tenant: difference
            for tenant in sorted(self.topic.keys() | self.bill.keys())
            if any(difference := self.bill.get(tenant, Total()).minus(self.topic.get(tenant, Total())))
        }

    def wrong_sums(self) -> list[str]:
        """Tenants whose tables of sums do not say what the lines do."""
        return sorted(
            tenant
            for tenant, totals in self.sums.items()
            if any(total != self.lines.get(tenant, Total()) for total in totals)
        )

    @property
    def is_equal(self) -> bool:
        """Whether nothing differs."""
        return not self.differences() and not self.wrong_sums()


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
    totals, unreadable = await _totals_of_topic(
        reader, bill, {place: span for place, span in spans.items() if span[0] < span[1]}
    )
    of_bill = await bill.totals_of_lines(topic, {place.partition: span for place, span in spans.items()})
    lines, sums = await bill.lines_and_sums()
    return Verdict(totals, of_bill, lines, sums, unreadable, sum(min(*span) for span in spans.values()))


async def _totals_of_topic(
    reader: UsageReader, bill: Bill, spans: dict[Place, tuple[int, int]]
) -> tuple[dict[str, Total], int]:
    totals: dict[str, Total] = {}
    unreadable = 0
    async for records in reader.between(spans):
        lines = {}
        for record in records:
            try:
                lines[(record.place.topic, record.place.partition, record.offset)] = read_line(record)
            except UnreadableRecord:
                unreadable += 1
        # Where the bill took a line from tells its first record from those that repeat or contradict it.
        taken_from = await bill.places([line.usage_id for line in lines.values()]) if lines else {}
        for place, line in lines.items():
            if taken_from.get(line.usage_id, place) == place:
                totals[line.tenant] = totals.get(line.tenant, Total()).plus(line)
    return totals, unreadable
