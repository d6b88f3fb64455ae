"""How many calls a second the memory ledger takes through their life, on one core and without Kafka.

    python -m benchmarks.ledger              # 50,000 calls of 100 tenants and 1,000 users under four caps
    python -m benchmarks.ledger --caps 1     # the smallest ledger there is

Each call is reserved, confirmed, settled and booked. The second figure is the start of a worker: usage lines a second
from their bytes into the sums, without the time that Kafka takes.
"""

import argparse
import asyncio
import time
from datetime import UTC, datetime
from statistics import median
from typing import Any

from streamproc.money.configured import configured_caps
from streamproc.money.ledger import Booked
from streamproc.money.ledger_memory import MemoryLedger
from streamproc.money.scope import Spend, spend_of
from streamproc.money.verdict import Reserved
from streamproc.records.codec import decode_usage, encode_usage
from streamproc.records.usage import TokenCounts, UsageLine
from streamproc.settings.budgets import BudgetSettings

__all__ = ["main"]

_WANTED = 10_000
_NOW_MS = 1_775_000_000_000
_CAPS: tuple[dict[str, Any], ...] = (
    {"scope": "tenant=*", "window": "day", "usd": 1e6},
    {"scope": "global", "window": "month", "usd": 1e9},
    {"scope": "global", "window": "day", "tokens": 10**15},
    {"scope": "user=*", "window": "day", "usd": 1e6},
)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=50_000, help="of one measurement (default %(default)s)")
    parser.add_argument("--caps", type=int, default=len(_CAPS), choices=range(1, len(_CAPS) + 1))
    parser.add_argument("--repeat", type=int, default=5)
    said = parser.parse_args()
    rates = [said.calls / asyncio.run(_lives(said.calls, said.caps)) for _ in range(said.repeat)]
    starts = [said.calls / asyncio.run(_start(said.calls, said.caps)) for _ in range(said.repeat)]
    print(f"{median(rates):>10,.0f} calls a second ({min(rates):,.0f} to {max(rates):,.0f}; wanted: {_WANTED:,})")
    print(f"{median(starts):>10,.0f} usage lines a second at the start ({min(starts):,.0f} to {max(starts):,.0f})")


def _ledger(caps: int) -> MemoryLedger:
    settings = BudgetSettings.model_validate({"caps": _CAPS[:caps]})
    ledger = MemoryLedger(configured_caps(settings), lambda: _NOW_MS, lambda _: None)
    ledger.open()
    return ledger


async def _lives(calls: int, caps: int) -> float:
    ledger = _ledger(caps)
    spends = [_spend(number) for number in range(calls)]
    began = time.perf_counter()
    for number, spend in enumerate(spends):
        assert isinstance(await ledger.reserve(spend), Reserved)
        ledger.confirm(spend.usage_id)
        took = spend._replace(nanos=spend.nanos and spend.nanos // 3)
        ledger.settle(took)
        await ledger.book(0, [Booked(number, took)], number + 1)
    return time.perf_counter() - began


async def _start(calls: int, caps: int) -> float:
    ledger = _ledger(caps)
    values = [encode_usage(_line(_spend(number))) for number in range(calls)]
    began = time.perf_counter()
    await ledger.book(0, [Booked(number, spend_of(decode_usage(value))) for number, value in enumerate(values)], calls)
    return time.perf_counter() - began


def _spend(number: int) -> Spend:
    run_id = f"llm.requests/{number % 12}/{number}@{_NOW_MS}"
    return Spend(f"{run_id}/1/1", f"tenant-{number % 100}", f"user-{number % 1000}", "chat", _NOW_MS, 400_000, 900)


def _line(spend: Spend) -> UsageLine:
    return UsageLine(
        usage_id=spend.usage_id,
        run_id=spend.run_id,
        request_id="request",
        tenant=spend.tenant,
        user=spend.user,
        feature=spend.feature,
        attempt=1,
        provider="mock",
        model="mock",
        tokens=TokenCounts(input=300, output=600, cached_input=100),
        cost_nanos=spend.nanos,
        basis="provider",
        price_version="settings",
        input_hash="0" * 64,
        started_at=datetime(2026, 3, 31, 23, 0, 0, tzinfo=UTC),
        ended_at=datetime(2026, 3, 31, 23, 0, 1, tzinfo=UTC),
    )


if __name__ == "__main__":
    main()
