"""What each layer of the chain costs in CPU: one process, no network, no Kafka, a provider that never waits.

    python -m benchmarks.layers                # layer after layer around the same provider, in turns

Layers are put around the provider one after the other, as `streamproc.chains` does, and every depth is measured with
answers of 1 and of 101 tokens: the difference is what a token costs, the rest what a request costs. A layer's own cost
is the difference to the depth below. The journal keeps nothing, metrics are counted, and no log is written.
"""

import argparse
import asyncio
import random
import sys
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from itertools import count
from statistics import median
from typing import NamedTuple

from prometheus_client import CollectorRegistry

from streamproc.caching import Cache
from streamproc.chain.accounting import Accounted
from streamproc.chain.admission import Admission
from streamproc.chain.budget import LedgerBudget
from streamproc.chain.call import Call, Progress
from streamproc.chain.limit import Limited, ask_for
from streamproc.chain.permit import Permit
from streamproc.chain.provider import Completed, Event, Provider, Text
from streamproc.chain.retry import Retrying
from streamproc.chain.retry_budget import RetryBudget
from streamproc.chain.rules import breaker_rules, limit_rules, retry_policy
from streamproc.chain.tenants import Tenants
from streamproc.cli.run import calm_collector
from streamproc.money.calibration import Calibration
from streamproc.money.configured import configured_caps
from streamproc.money.ledger_memory import MemoryLedger
from streamproc.money.measure import Measure
from streamproc.money.pricing import Prices
from streamproc.money.tokens import TokenCounter
from streamproc.observe.gauges import WorkerState
from streamproc.observe.metrics import Metrics
from streamproc.records.outgoing import Outgoing
from streamproc.records.request import Request
from streamproc.records.usage import TokenCounts, UsageLine
from streamproc.settings.settings import Settings
from streamproc.system_clock import SystemClock

__all__ = ["main"]

_ALLOWED_PER_TOKEN_US = 3.0
_ALLOWED_PER_REQUEST_US = 80.0
_FEW, _MANY = 1, 101
_SETTINGS = {
    "providers": {
        "p": {
            "kind": "scripted",
            "models": ["m"],
            "prices": {"m": {"input_usd": 1.0, "output_usd": 2.0}},
            "limits": {"requests_per_minute": 1e9, "requests_burst": 1e9, "tokens_per_minute": 1e12},
        }
    },
    "tenants": {"*": {"max_concurrent": 100}},
    "budgets": {"caps": [{"scope": "tenant=*", "window": "day", "usd": 1e6}]},
    "cache": {"enabled": True},
}


class _Talks:
    """A provider that says so many tokens without ever waiting."""

    name = "p"

    def __init__(self, tokens: int) -> None:
        self._usage = TokenCounts(input=12, output=tokens)
        self._tokens = tokens

    async def stream(self, call: Call) -> AsyncGenerator[Event, None]:
        del call
        for _ in range(self._tokens):
            yield Text("token ")
        yield Completed(self._usage, "stop")


class _NoJournal:
    """Stores nothing, and never makes anybody wait."""

    async def started(self, line: UsageLine) -> None:
        """As `Journal`."""

    def ended(self, usage_id: str, line: UsageLine | None, reason: str) -> None:
        """As `Journal`."""

    def completed(self, records: Sequence[Outgoing]) -> None:
        """As `Journal`."""


class _Depth(NamedTuple):
    """A provider with some layers around it. `admit` gives leave for a call, where the layers ask for one."""

    provider: Provider
    admit: Callable[[Call], Permit | None]


class _Stack:
    """Builds the layers around a provider of so many tokens."""

    def __init__(self, settings: Settings, tokens: int) -> None:
        clock, observer = SystemClock(), Metrics(CollectorRegistry(), lambda: WorkerState(0, 0, 0, 0, 0, ()))
        provider = settings.providers["p"]
        measure = Measure.of("p", provider, TokenCounter(), Calibration())
        prices = Prices(settings.providers)
        prices.load()
        ledger = MemoryLedger(configured_caps(settings.budgets), lambda: int(time.time() * 1000), lambda _: None)
        ledger.open()
        talks: Provider = _Talks(tokens)

        def accounted(budget: LedgerBudget | None) -> Provider:
            return Accounted(talks, lambda model, at: prices.rates("p", model, at), measure, clock, observer, budget)

        rules = {"main": limit_rules(provider.limits)}
        tenants = Tenants({name: limit_rules(limits) for name, limits in settings.tenants.items()})
        admission = Admission("p", rules, tenants, breaker_rules(settings.breaker), clock, observer)

        def admit(call: Call) -> Permit | None:
            ask = ask_for(call.request, call.model, call.tenant, call.prompt_bytes, call.max_output_tokens)
            verdict = admission.admit(ask)
            return verdict if isinstance(verdict, Permit) else None

        with_budget = accounted(LedgerBudget(ledger, observer))
        limited: Provider = Limited("p", {"main": with_budget}, admission)
        retry = settings.retry
        budget = RetryBudget(retry.process_ratio, retry.process_per_second, clock.monotonic())
        retrying: Provider = Retrying(limited, retry_policy(retry), budget, clock, random.random, observer)
        cached = Cache(settings.cache, clock, observer).around(retrying)
        self.depths = {
            "provider alone": _Depth(talks, lambda _: None),
            "accounted": _Depth(accounted(None), lambda _: None),
            "+ budget": _Depth(with_budget, lambda _: None),
            "+ limited, breaker": _Depth(limited, admit),
            "+ retrying": _Depth(retrying, admit),
            "+ cached, a miss": _Depth(cached, admit),
        }


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=2000, help="of one measurement (default %(default)s)")
    parser.add_argument("--repeat", type=int, default=7, help="measurements of each depth (default %(default)s)")
    said = parser.parse_args()
    calm_collector()  # as a worker does
    settings = Settings.model_validate(_SETTINGS)
    few, many = _Stack(settings, _FEW), _Stack(settings, _MANY)
    per_token: dict[str, list[float]] = {name: [] for name in few.depths}
    per_request: dict[str, list[float]] = {name: [] for name in few.depths}
    numbers = count()
    for _ in range(said.repeat):
        for name in few.depths:
            short = asyncio.run(_seconds(few.depths[name], said.calls, numbers)) / said.calls * 1e6
            long = asyncio.run(_seconds(many.depths[name], said.calls, numbers)) / said.calls * 1e6
            token = (long - short) / (_MANY - _FEW)
            per_token[name].append(token)
            per_request[name].append(short - token * _FEW)
    _print(per_token, per_request)


async def _seconds(depth: _Depth, calls: int, numbers: "count[int]") -> float:
    message = {"role": "user", "content": "What does this stream cost, and who pays for it in the end?"}
    request = Request.model_validate({"request_id": "r", "model": "m", "messages": [message]})
    made = [_call(request, next(numbers)) for _ in range(calls)]
    sys.set_asyncgen_hooks(firstiter=None)  # as a worker does
    began = time.process_time()
    for call in made:
        call.progress.permit = depth.admit(call)
        async with aclosing(depth.provider.stream(call)) as events:
            async for _ in events:
                pass
    return time.process_time() - began


def _call(request: Request, number: int) -> Call:
    # The input hash makes each a request of its own for the cache.
    return Call(
        run_id=f"llm.requests/0/{number}@1760000000000",
        tenant="t",
        request=request,
        model="m",
        max_output_tokens=1024,
        prompt_bytes=200,
        input_hash=f"{number:064x}",
        deadline=time.time() + 600,
        progress=Progress(1000),
        journal=_NoJournal(),
    )


def _print(per_token: dict[str, list[float]], per_request: dict[str, list[float]]) -> None:
    print(f"{'':<22}{'µs per token':>30}{'µs per request':>34}")
    below: tuple[float, float] | None = None
    for name, tokens in per_token.items():
        requests = per_request[name]
        here = median(tokens), median(requests)
        own = "" if below is None else f"own {here[0] - below[0]:6.2f}"
        own_request = "" if below is None else f"own {here[1] - below[1]:6.1f}"
        print(
            f"{name:<22}{here[0]:7.2f} ({min(tokens):.2f} to {max(tokens):.2f}) {own:>11}"
            f"{here[1]:9.1f} ({min(requests):.1f} to {max(requests):.1f}) {own_request:>11}"
        )
        below = here
    first, *_, last = per_token
    token = median(per_token[last]) - median(per_token[first])
    request = median(per_request[last]) - median(per_request[first])
    print(f"all layers: {token:.2f} µs per token (wanted: at most {_ALLOWED_PER_TOKEN_US:g})")
    print(f"all layers: {request:.1f} µs per request (wanted: at most {_ALLOWED_PER_REQUEST_US:g})")


if __name__ == "__main__":
    main()
