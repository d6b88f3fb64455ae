"""A worker of three goes: it is killed, killed and started again under its name, or stopped."""

import asyncio
import time

from benchmarks.recovery.figures import Figure
from benchmarks.recovery.stage import PARTITIONS, QUIET_SECONDS, Plan, crew_of_three, gaps_of, quiet, staged

__all__ = ["kill", "restart", "stop"]

_SESSION_SECONDS, _HEARTBEAT_SECONDS = 10.0, 1.0  # the defaults of streamproc.settings.kafka
_LONG, _SHORT = "mock-t20-i50-f50", "mock-t10-i30-f50"  # answers of 1.0 and 0.3 seconds
_TIMES = 10


def _after(again: dict[int, float], since: float) -> list[float]:
    return [at - since for at in again.values()]


async def kill(plan: Plan) -> list[Figure]:
    """SIGKILL; a new worker takes the place when the partitions stream again elsewhere."""
    silent: list[float] = []
    gaps: list[float] = []
    kills: list[tuple[float, float, frozenset[int]]] = []
    async with staged(plan, "kill", _LONG) as stage:
        await crew_of_three(stage)
        for number in range(plan.repeat or _TIMES):
            victim = stage.crew[0]  # the oldest: each in turn
            partitions = victim.owned()
            at = victim.kill()
            stage.crew.remove(victim)
            silent += _after(await stage.streaming(partitions, at), at)
            begun = time.time()
            gaps += gaps_of(stage, set(range(PARTITIONS)) - partitions, at, begun)
            stage.start()
            kills.append((at, begun, partitions))
            await quiet(stage, begun, number)
        ledger = await stage.ledger(wait_seconds=1)
    unanswered, again = [], []
    for at, begun, partitions in kills:
        open_calls = {call.run_id for call in ledger.open_calls(at, partitions)}
        unanswered.append(float(len(open_calls)))
        again.append(float(len(ledger.bought_again(at, begun))))
        others = {call.run_id for call in ledger.bought_again(at, begun)} - open_calls
        if others:
            print(f"    bought twice, and not by the dead worker: {sorted(others)}")
    beyond = [twice - most for twice, most in zip(again, unanswered, strict=True)]
    return [
        Figure(
            "a partition of a killed worker streams again, from the kill",
            "s",
            silent,
            _SESSION_SECONDS + _HEARTBEAT_SECONDS + 2,
        ),
        Figure("largest gap between results of another partition, until then", "s", gaps),
        Figure("in flight in the killed worker, without a note of the answer", "calls", unanswered),
        Figure("bought twice after a kill", "calls", again),
        Figure("bought twice beyond those in flight", "calls", beyond, 0),
    ]


async def restart(plan: Plan) -> list[Figure]:
    """SIGKILL to a worker with a name in the group, and at once a start under the same name."""
    silent: list[float] = []
    until_claim: list[float] = []
    moved = 0
    gaps: dict[str, list[float]] = {"quiet": [], "restart": []}
    async with staged(plan, "restart", _LONG) as stage:
        await crew_of_three(stage, "a", "b", "c")
        for number in range(plan.repeat or _TIMES):
            victim = stage.crew[0]
            partitions = victim.owned()
            others = sorted(set(range(PARTITIONS)) - partitions)
            at = victim.kill()
            stage.crew.remove(victim)
            begun = time.time()
            started = stage.start(victim.name)
            again = await stage.streaming(partitions, begun)
            silent += _after(again, begun)
            claimed_at = started.claimed_at()
            if claimed_at is not None:
                until_claim.append(claimed_at - begun)
            await quiet(stage, begun, number)
            moved += sum(change.at > at for member in stage.crew[:-1] for change in member.changes)
            gaps["quiet"] += gaps_of(stage, others, at - QUIET_SECONDS, at)
            gaps["restart"] += gaps_of(stage, others, at, at + QUIET_SECONDS)
        ledger = await stage.ledger(wait_seconds=1)
    return [
        Figure("a partition of a named worker streams again, from the start of its process", "s", silent, 3),
        Figure("of that, until its process has its first partition", "s", until_claim),
        Figure("partitions of other workers that were claimed or lost", "partitions", [moved], 0),
        Figure("largest gap between results of a partition that stays, 3 quiet seconds", "s", gaps["quiet"]),
        Figure("the same, in the 3 seconds from the kill", "s", gaps["restart"]),
        Figure("bought twice, all restarts together", "calls", [len(ledger.bought_again(0, time.time()))]),
    ]


async def stop(plan: Plan) -> list[Figure]:
    """SIGTERM; a new worker takes the place when the partitions stream again elsewhere."""
    silent: list[float] = []
    from_end: list[float] = []
    async with staged(plan, "stop", _SHORT) as stage:
        await crew_of_three(stage)
        for number in range(plan.repeat or _TIMES):
            victim = stage.crew[0]
            partitions = victim.owned()
            at = victim.leave()
            ended = asyncio.create_task(stage.gone(victim))
            again = await stage.streaming(partitions, at)
            silent += _after(again, at)
            from_end += _after(again, await ended)
            begun = time.time()
            stage.start()
            await quiet(stage, begun, number)
    return [
        Figure("a partition of a stopped worker streams again, from the signal", "s", silent, 2),
        Figure("the same, from the end of its process", "s", from_end),
    ]
