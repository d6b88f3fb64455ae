"""`streamproc billing verify`: the bill against the usage topic."""

import asyncio
from collections.abc import Iterator

from streamproc.billing.opening import open_bill
from streamproc.billing.total import Total
from streamproc.billing.verify import Verdict
from streamproc.billing.verify import verify as look
from streamproc.cli.billing_options import Store, billing_settings
from streamproc.cli.options import ConfigFile
from streamproc.cli.table import one_line
from streamproc.errors import SetupError
from streamproc.kafka.usage_reader import UsageReader
from streamproc.money.dollars import usd
from streamproc.settings.settings import Settings

__all__ = ["verify"]


def verify(*, store: Store = None, config: ConfigFile = None) -> int:
    """Read the usage topic again, as far as the bill has read it, and say what differs for each tenant.

    Each line is held against that of the bill, and each sum that reports are made of against its lines. Exit code 0
    when nothing differs, 1 when something does, 2 when it cannot be looked at.
    """
    settings = billing_settings(config, store)
    try:
        verdict = asyncio.run(_verify(settings))
    except TimeoutError as exc:
        raise SetupError(
            f"{settings.topics.usage} gives nothing more, though it has not ended: a leader is away, or a transaction"
            " is open there. Try again later"
        ) from exc
    for line in _told(verdict):
        print(one_line(line))  # noqa: T201 the command line speaks
    return 0 if verdict.is_equal else 1


async def _verify(settings: Settings) -> Verdict:
    async with open_bill(settings.billing, create=False) as bill, UsageReader.connect(settings) as reader:
        return await look(reader, settings.topics.usage, bill)


def _told(verdict: Verdict) -> Iterator[str]:
    for tenant, difference in verdict.differences().items():
        bill, topic = verdict.bill.get(tenant, Total()), verdict.topic.get(tenant, Total())
        yield (
            f"DIFFERENT  {tenant}: bill less topic {difference.lines:+,} lines, {_signed(difference.cost_nanos)},"
            f" {difference.unpriced:+,} of unknown cost, {difference.input_tokens:+,} input and"
            f" {difference.output_tokens:+,} output tokens (bill {_short(bill)}; topic {_short(topic)})"
        )
    for tenant, count in sorted(verdict.changed.items()):
        yield f"DIFFERENT  {tenant}: {count:,} lines say something else on the bill than in the topic"
    for tenant in verdict.wrong_sums:
        yield f"DIFFERENT  {tenant}: the sums that reports are made of are not those of the bill's own lines"
    if verdict.is_equal:
        yield f"ok: bill and topic agree for {len(verdict.topic):,} tenants, {_short(_all(verdict))}"
    if verdict.conflicts:
        yield (
            f"{verdict.conflicts:,} lines of the topic are NOT on the bill: other ones have their ids, and"
            " usage_conflicts their bytes"
        )
    if verdict.unreadable:
        yield f"{verdict.unreadable:,} records of the topic cannot be read and are on neither side"
    if verdict.gone:
        yield f"{verdict.gone:,} offsets are not kept by the topic any more: their lines cannot be verified"


def _all(verdict: Verdict) -> Total:
    return Total(*(sum(numbers) for numbers in zip(*verdict.topic.values(), strict=True))) if verdict.topic else Total()


def _short(total: Total) -> str:
    return f"{total.lines:,} lines, {usd(total.cost_nanos)}"


def _signed(nanos: int) -> str:
    return usd(nanos) if nanos < 0 else f"+{usd(nanos)}"
