"""How soon readers of committed records see a result, also beside an open transaction that a dead worker left."""

import asyncio
import time
from collections.abc import Iterable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from aiokafka import AIOKafkaProducer

from benchmarks.recovery.figures import Figure
from benchmarks.recovery.outputs import MARKER, Shown
from benchmarks.recovery.stage import PARTITIONS, QUIET_SECONDS, Plan, Stage, crew_of_three, gaps_of, quiet, staged
from streamproc.settings.kafka import KafkaSettings
from tests.chaos.proxy import Proxy

__all__ = ["open_transaction", "visible"]

_LONG, _SHORT = "mock-t20-i50-f50", "mock-t10-i30-f50"  # answers of 1.0 and 0.3 seconds
_SECONDS = 20.0
_TRANSACTION_SECONDS = KafkaSettings().session_timeout_seconds * 0.6  # the default of streamproc.settings.kafka
_LOOK_SECONDS = 0.5  # how often the broker of a benchmark looks for transactions that are too old


async def visible(plan: Plan) -> list[Figure]:
    """From `finished_at` of each result to its visibility, in a quiet time."""
    kafka = KafkaSettings()
    async with staged(plan, "visible", _SHORT) as stage:
        await crew_of_three(stage)
        begin = time.time()
        await asyncio.sleep(_SECONDS * (plan.repeat or 1))
        waits = _waits_ms(stage, range(PARTITIONS), begin, time.time())
    return [
        Figure("from `finished_at` to visibility", "ms", waits),
        *(
            Figure(f"the same, in commit intervals of {seconds * 1000:g} ms ({name})", "x", intervals, 2, "median")
            for name, seconds in (
                ("kafka.commit_interval_max_seconds", kafka.commit_interval_max_seconds),
                ("kafka.commit_interval_min_seconds", kafka.commit_interval_min_seconds),
            )
            for intervals in [[wait / 1000 / seconds for wait in waits]]
        ),
    ]


async def open_transaction(plan: Plan) -> list[Figure]:
    """A worker is killed in open transactions: a proxy holds up what the broker says of the results in them.

    Records sent behind an open transaction tell how long it holds up whatever stands there.
    """
    gaps: dict[str, list[float]] = {"quiet": [], "open": []}
    waits: dict[str, list[float]] = {"quiet": [], "open": []}
    behind: list[float] = []
    async with staged(plan, "open", _LONG) as stage, AsyncExitStack() as stack:
        begun = time.time()
        stage.start()
        stage.start()
        for number in range(plan.repeat or 4):
            proxy = await stack.enter_async_context(Proxy(plan.bootstrap))
            victim = stage.start(bootstrap=proxy.bootstrap)
            await quiet(stage, begun, number)
            partitions, results = victim.owned(), stage.place.topic("results")
            others = sorted(set(range(PARTITIONS)) - partitions)
            holds = [
                proxy.hold("Produce", "answer", topic=results, meant=partial(_is_for, number)) for number in partitions
            ]
            await asyncio.gather(*(hold.reached() for hold in holds))
            at = victim.kill()
            stage.crew.remove(victim)
            for hold in holds:
                hold.cut()
            shown = await _behind(stage, partitions)
            closed = max(marker.shown_at for marker in shown)
            behind += [marker.shown_at - marker.finished_at for marker in shown]
            for when, begin, end in (("quiet", at - QUIET_SECONDS, at), ("open", at, closed)):
                gaps[when] += gaps_of(stage, others, begin, end)
                waits[when] += _waits_ms(stage, others, begin, end)
            await stage.streaming(partitions, at)
            begun = time.time()
    limit = _TRANSACTION_SECONDS + _LOOK_SECONDS
    return [
        Figure("a record behind a dead worker's open transaction is visible after", "s", behind, limit),
        Figure("largest gap between visible results of another partition meanwhile", "s", gaps["open"]),
        Figure("the same, 3 quiet seconds", "s", gaps["quiet"]),
        Figure("from `finished_at` to visibility on other partitions meanwhile", "ms", waits["open"]),
        Figure("the same, 3 quiet seconds", "ms", waits["quiet"]),
    ]


def _is_for(partition: int, request: Any) -> bool:
    return bool(request.transactional_id.endswith(f".requests/{partition}"))


async def _behind(stage: Stage, partitions: Iterable[int]) -> list[Shown]:
    """Sends a record behind each of the open transactions, and waits until a reader of committed records sees it."""
    markers = stage.outputs.markers
    markers.clear()
    async with AIOKafkaProducer(bootstrap_servers=stage.bootstrap) as producer:
        for number in partitions:
            value = str(time.time()).encode()
            await producer.send_and_wait(stage.place.topic("results"), value, key=MARKER, partition=number)
    await stage.until(lambda: all(markers[number] for number in partitions))
    return [markers[number][0] for number in partitions]


def _waits_ms(stage: Stage, partitions: Iterable[int], begin: float, end: float) -> list[float]:
    return [
        (shown.shown_at - shown.finished_at) * 1000
        for number in partitions
        for shown in stage.outputs.results[number]
        if begin <= shown.shown_at < end
    ]
