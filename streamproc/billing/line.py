"""A line of the bill as it is kept, and how it is read from a record of the usage topic. Pure."""

from datetime import datetime
from typing import Any, NamedTuple

from streamproc.kafka.reader import Record
from streamproc.records.usage import UsageLine
from streamproc.records.usage_record import UnreadableRecord, read_usage

__all__ = ["HOUR_US", "BilledLine", "read_line"]

HOUR_US = 3_600_000_000
"""Microseconds of an hour."""

_LARGEST = 10**15  # of a single number; thousands of such lines still add up within 64 bits


class BilledLine(NamedTuple):
    """A usage line with the columns of its table. Times are microseconds since 1970; None is not known."""

    usage_id: str
    run_id: str
    request_id: str
    tenant: str
    user_name: str | None
    feature: str | None
    provider: str
    model: str
    basis: str
    attempt: int
    cost_nanos: int | None
    input_tokens: int | None
    output_tokens: int | None
    cached_input_tokens: int | None
    cache_write_tokens: int | None
    cache_write_1h_tokens: int | None
    reasoning_tokens: int | None
    web_searches: int | None
    price_version: str | None
    service_tier: str | None
    reason: str | None
    input_hash: str
    started_us: int
    ended_us: int

    @property
    def numbers(self) -> tuple[int | None, ...]:
        """Cost, tokens and searches, in the order of their columns."""
        values: tuple[Any, ...] = self
        return values[_NUMBERS]


_NUMBERS = slice(BilledLine._fields.index("cost_nanos"), BilledLine._fields.index("web_searches") + 1)


def read_line(record: Record) -> BilledLine:
    """The usage line in a record.

    Raises:
        UnreadableRecord: it is damaged, of a newer version, or holds what a database cannot keep.
    """
    billed = _billed(read_usage(record.headers, record.value))
    # Both looks are quick ones, since lines that fail them are hardly ever seen.
    if (
        b"\\u0000" in (record.value or b"")
        or max(billed.attempt, *[number or 0 for number in billed.numbers]) > _LARGEST
    ):
        _check_values(billed)
    return billed


def _check_values(billed: BilledLine) -> None:
    values: dict[str, Any] = billed._asdict()
    for name, value in values.items():
        if isinstance(value, str) and "\0" in value:
            raise UnreadableRecord(f"{name} holds a NUL character")
        if isinstance(value, int) and value > _LARGEST and not name.endswith("_us"):
            raise UnreadableRecord(f"{name} is {value}, above {_LARGEST}")


def _billed(line: UsageLine) -> BilledLine:
    tokens = line.tokens
    return BilledLine(
        line.usage_id,
        line.run_id,
        line.request_id,
        line.tenant,
        line.user,
        line.feature,
        line.provider,
        line.model,
        line.basis,
        line.attempt,
        line.cost_nanos,
        tokens.input,
        tokens.output,
        tokens.cached_input,
        tokens.cache_write,
        tokens.cache_write_1h,
        tokens.reasoning,
        tokens.web_searches,
        line.price_version,
        line.service_tier,
        line.reason,
        line.input_hash,
        _microseconds(line.started_at),
        _microseconds(line.ended_at),
    )


def _microseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)
