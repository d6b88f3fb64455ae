"""The budget race: many requests at once, a budget for a tenth of them, and workers that are killed on the way.

The judge is the provider's own list of calls, priced by the rates of the settings.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.chaos.checker import count
from tests.chaos.clusters import BrokerKind, running_cluster
from tests.chaos.evidence import ServedCall
from tests.chaos.race_stage import MEAN_NANOS, RATES, send, set_up
from tests.chaos.reader import Reader
from tests.chaos.workers import Crew
from tests.e2e.workplace import Mock, mock_provider

__all__ = ["Disturbance", "Outcome", "Race", "race"]

Disturbance = Callable[[], Awaitable[str]]
"""Something else that is done to the surroundings in the middle; it says in words what it did."""

_PATIENCE_SECONDS = 150.0
_QUIET_SECONDS = 2.0
_SLOTS = (5, 10, 500)
"""Calls at once: few, so that a kill takes a part of the budget and the race goes on; or all that the budget allows."""


@dataclass(frozen=True)
class Race:
    """What is done; the seed decides on requests, victims and times. `more` are further settings of the budgets."""

    broker: BrokerKind
    seed: int
    workers: int = 1
    requests: int = 1000
    kills: int = 2
    more: str = ""
    disturbances: Sequence[Disturbance] = field(default_factory=tuple)

    @property
    def cap_nanos(self) -> int:
        """A budget for a tenth of the requests."""
        return MEAN_NANOS * self.requests // 10


@dataclass(frozen=True)
class Outcome:
    """What came of it, in nano-dollars; `reserved` is what is still held when all is quiet."""

    spent: int
    cap: int
    reserved: int
    completed: int
    refused: int
    counts: dict[str, int]

    @property
    def overspent(self) -> int:
        """What the provider's bill passes the cap by."""
        return max(self.spent - self.cap, 0)

    @property
    def is_good(self) -> bool:
        """Whether nothing is overspent, held, lost or doubled."""
        return not (self.overspent or self.reserved or self.counts)

    def __str__(self) -> str:
        used = 100 * self.spent / self.cap
        faults = " ".join(f"{name}={number}" for name, number in self.counts.items()) or "nothing lost or doubled"
        return (
            f"completed={self.completed} refused={self.refused} used={used:.1f} % of the cap\n"
            f"overspent={self.overspent} held={self.reserved} {faults}"
        )


async def race(plan: Race, folder: Path, say: Callable[[str], None]) -> Outcome:
    """Runs it in this folder; `say` takes a line for each thing that is done."""
    random = Random(plan.seed)
    with ExitStack() as stack:
        cluster = stack.enter_context(running_cluster(plan.broker, folder))
        mock = stack.enter_context(mock_provider(folder, "--seed", str(plan.seed)))
        file = folder / "streamproc.toml"
        settings = await set_up(cluster, mock.url, file, plan.cap_nanos, random.choice(_SLOTS), plan.more)
        await send(settings, plan.requests, random)
        crew = stack.enter_context(Crew(file, folder))
        for _ in range(plan.workers):
            crew.start()
        say(f"{plan.requests} requests are there, {plan.workers} workers start")
        async with Reader(settings) as reader:
            await asyncio.gather(_hurt(plan, crew, mock, random, say), _disturb(plan, mock, random, say))
            return await _settled(plan, reader, crew, mock, say)


async def _hurt(plan: Race, crew: Crew, mock: Mock, random: Random, say: Callable[[str], None]) -> None:
    """Kills a worker while calls run, and starts another one in its place."""
    for _ in range(plan.kills):
        await _until(lambda: mock.stats()["running"] > 0)
        await asyncio.sleep(random.uniform(0, 1))
        victim = crew.pick(random.random(), at_work=False)
        if victim is None:
            return
        victim.kill()
        crew.start()
        say(f"{victim} is killed, another one starts")


async def _disturb(plan: Race, mock: Mock, random: Random, say: Callable[[str], None]) -> None:
    for disturbance in plan.disturbances:
        await _until(lambda: mock.stats()["running"] > 0)
        await asyncio.sleep(random.uniform(0, 0.3))
        say(await disturbance())


async def _until(is_so: Callable[[], bool]) -> None:
    """Returns when it is so, or when it will not come about any more."""
    give_up = time.monotonic() + 30
    while not await asyncio.to_thread(is_so) and time.monotonic() < give_up:  # noqa: ASYNC110 other processes tell nobody
        await asyncio.sleep(0.05)


async def _settled(plan: Race, reader: Reader, crew: Crew, mock: Mock, say: Callable[[str], None]) -> Outcome:
    started = told = time.monotonic()
    quiet_since: float | None = None
    while quiet_since is None or time.monotonic() - quiet_since < _QUIET_SECONDS:
        await asyncio.sleep(0.3)
        await reader.rest()
        await reader.look_at_offsets()
        figures = await asyncio.to_thread(mock.stats, calls=True)
        calls = [ServedCall.listed(call, RATES) for call in figures["calls"]]
        counts = _faults(reader, calls)
        reserved = await asyncio.to_thread(_reserved, crew)
        done = len(reader.answered) >= plan.requests and not counts and reserved == 0 and not figures["running"]
        now = time.monotonic()
        quiet_since = None if not done else quiet_since or now
        if now - told > 10:
            told = now
            say(f"answered {len(reader.answered)}, held {reserved}, {counts}")
        if now - started > _PATIENCE_SECONDS:
            break
    statuses = [result.status for result in reader.results]
    return Outcome(
        spent=sum(call.cost_nanos for call in calls),
        cap=plan.cap_nanos,
        reserved=-1 if reserved is None else reserved,
        completed=statuses.count("completed"),
        refused=statuses.count("rejected"),
        counts=counts | ({"unanswered": plan.requests - len(reader.answered)} if reader.unanswered else {}),
    )


def _faults(reader: Reader, calls: list[ServedCall]) -> dict[str, int]:
    """What the checker counts; that most requests are refused is what a race is for."""
    counts = count(reader.evidence(calls))._asdict()
    return {name: number for name, number in counts.items() if number and name != "not_completed"}


def _reserved(crew: Crew) -> int | None:
    """Nano-dollars that are held, as a worker's metrics say; None while no worker says it."""
    told = [member.worker.metric("llm_budget_reserved") for member in crew.running]
    known = [value for value in told if value is not None]
    return round(max(known) * 1e9) if known else None
