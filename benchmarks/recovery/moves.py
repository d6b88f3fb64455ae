"""Nobody dies: three workers are started anew one after the other, and others come and go."""

import time

from benchmarks.recovery.crew import Member
from benchmarks.recovery.figures import Figure
from benchmarks.recovery.stage import CALL_SECONDS, PARTITIONS, Plan, Stage, crew_of_three, quiet, staged

__all__ = ["rolling", "scale"]

_LONG, _LONGER = "mock-t20-i50-f50", "mock-t20-i100-f50"  # answers of 1 and 2 seconds
_BILL_SECONDS = CALL_SECONDS + 5 + 10  # a lost call is billed in this time


async def rolling(plan: Plan) -> list[Figure]:
    """Each of three workers is stopped and, when it has ended, started anew; without names, and with."""
    return [
        figure
        for title, names in (("without names", ()), ("with names", ("a", "b", "c")))
        for figure in await _rolling(plan, title, names)
    ]


async def _rolling(plan: Plan, title: str, names: tuple[str, ...]) -> list[Figure]:
    spans: list[tuple[float, float]] = []
    async with staged(plan, f"rolling-{title.replace(' ', '-')}", _LONG) as stage:
        await crew_of_three(stage, *names)
        for _ in range(plan.repeat or 1):
            begin = time.time()
            for number, old in enumerate(list(stage.crew)):
                old.leave()
                await stage.gone(old)
                begun = time.time()
                stage.start(old.name)
                await quiet(stage, begun, number)
            spans.append((begin, time.time()))
        ledger = await stage.ledger(_BILL_SECONDS)
    begin = spans[0][0]
    return [
        Figure(f"`upper_bound` lines, {title}", "lines", [ledger.lines_of("upper_bound", begin, time.time())], 0),
        Figure(f"calls without a note of their end, {title}", "calls", [len(ledger.unheard_of)], 0),
        Figure(f"bought twice in one rolling restart, {title}", "calls", [len(ledger.bought_again(*s)) for s in spans]),
        Figure(
            f"cut, because their partition moved, {title}", "calls", [ledger.lines_of("estimated", *s) for s in spans]
        ),
    ]


async def scale(plan: Plan) -> list[Figure]:
    """From three workers to five and back, one by one, with some calls running in each partition."""
    stays: dict[str, list[float]] = {"up": [], "down": []}
    moves: dict[str, list[float]] = {"up": [], "down": []}
    kept: dict[str, list[float]] = {"up": [], "down": []}
    steps: list[tuple[str, float, float, frozenset[int]]] = []
    async with staged(plan, "scale", _LONGER) as stage:
        await crew_of_three(stage)
        for _ in range(plan.repeat or 2):
            for number, way in enumerate(("up", "up", "down", "down")):
                before, begin = _owners(stage), time.time()
                if way == "up":
                    stage.start()
                else:
                    leaving = stage.crew[-1]
                    leaving.leave()
                    await stage.gone(leaving)
                await quiet(stage, time.time(), number)
                after = _owners(stage)
                staying = frozenset(number for number in before if before[number] is after[number])
                steps.append((way, begin, time.time(), staying))
        ledger = await stage.ledger(wait_seconds=1)
    for way, begin, end, staying in steps:
        again = ledger.bought_again(begin, end)
        on_stay = sum(call.partition in staying for call in again)
        stays[way].append(on_stay)
        moves[way].append(len(again) - on_stay)
        kept[way].append(len(staying))
    return [
        figure
        for way in ("up", "down")
        for figure in (
            Figure(f"partitions of {PARTITIONS} that stay, one worker {way}", "partitions", kept[way]),
            Figure(f"bought twice on partitions that stay, one worker {way}", "calls", stays[way], 0),
            Figure(f"bought twice on partitions that move, one worker {way}", "calls", moves[way]),
        )
    ]


def _owners(stage: Stage) -> dict[int, Member]:
    return {partition: member for member in stage.crew for partition in member.owned()}
