"""The stage of a scenario: topics of its own, an even load, a crew of workers, and their outputs."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import orjson
from aiokafka import AIOKafkaProducer

from benchmarks.recovery.crew import Member, recruit
from benchmarks.recovery.figures import largest_gap
from benchmarks.recovery.ledger import Ledger, read_ledger
from benchmarks.recovery.outputs import Outputs, read_outputs
from tests.e2e.workplace import MOCK, Mock, Workplace, mock_provider

__all__ = [
    "CALL_SECONDS",
    "PARTITIONS",
    "QUIET_SECONDS",
    "Plan",
    "Stage",
    "crew_of_three",
    "gaps_of",
    "quiet",
    "staged",
]

PARTITIONS = 12
CALL_SECONDS = 20
"""The longest a call may take; a lost one is billed five seconds later."""

QUIET_SECONDS = 3.0
"""So long nothing is done before and after a fault."""

_PATIENCE_SECONDS = 90.0
_LOOK_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Plan:
    """What the command line says: the cluster, requests per second and partition, and how often a fault is made."""

    bootstrap: str
    folder: Path
    rate: float
    repeat: int | None


@dataclass(slots=True)
class Stage:
    """Things in motion; `crew` are the workers that run."""

    bootstrap: str
    place: Workplace
    mock: Mock
    outputs: Outputs
    load: "asyncio.Task[None]"
    crew: list[Member] = field(default_factory=list)

    def start(self, name: str | None = None, bootstrap: str | None = None) -> Member:
        """One more worker, not waited for; see `recruit`."""
        member = recruit(self.place, name, bootstrap)
        self.crew.append(member)
        return member

    async def settled(self, after: float) -> None:
        """Waits until each worker has its share of the partitions, and all stream requests sent after a time."""
        share = PARTITIONS // len(self.crew)
        await self.until(lambda: all(share <= len(member.owned()) <= share + 1 for member in self.crew))
        await self.streaming(range(PARTITIONS), after)

    async def streaming(self, partitions: Iterable[int], after: float) -> dict[int, float]:
        """Waits until each of them streams a request sent after a time; gives when the first tokens came."""
        again: dict[int, float] = {}
        waiting = set(partitions)

        def is_streaming() -> bool:
            found = {number: self.outputs.again_at(number, after) for number in waiting}
            again.update({number: at for number, at in found.items() if at is not None})
            waiting.difference_update(again)
            return not waiting

        await self.until(is_streaming)
        return again

    async def gone(self, member: Member) -> float:
        """Waits for a process that ends; gives the time, unix seconds."""
        await self.until(lambda: not member.is_running)
        self.crew.remove(member)
        return time.time()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Looks again and again.

        Raises:
            TimeoutError: it does not come true.
        """
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while not holds():
                    if self.load.done():
                        self.load.result()  # it ends only by what broke it
                    await asyncio.sleep(_LOOK_SECONDS)
        except TimeoutError as exc:
            owned = [sorted(member.owned()) for member in self.crew]
            raise TimeoutError(f"workers with the partitions {owned} did not come to where they should be") from exc

    async def ledger(self, wait_seconds: float = 0) -> Ledger:
        """Ends the load, waits until every request has its result and then for so long, and reads what is left."""
        await _ended(self.load)
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while self.outputs.unanswered:  # noqa: ASYNC110 results come from other processes
                await asyncio.sleep(0.2)
        await asyncio.sleep(wait_seconds)
        topics = (self.place.topic("journal"), self.place.topic("usage"))
        return await read_ledger(self.bootstrap, *topics, PARTITIONS, self.mock.stats(calls=True)["calls"])


async def _send(outputs: Outputs, bootstrap: str, topic: str, model: str, rate: float) -> None:
    """Requests to all partitions in turn, streamed, at an even pace, until cancelled."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True) as producer:
        begin = time.monotonic()
        for number in count():
            await asyncio.sleep(max(0.0, begin + number / (rate * PARTITIONS) - time.monotonic()))
            key = f"recovery-{number}"
            message = {"role": "user", "content": f"Question {number}: who answers when you are gone?"}
            body = {"request_id": key, "tenant": "recovery", "model": model, "messages": [message]}
            outputs.sent[key.encode()] = time.time()
            await producer.send(topic, orjson.dumps(body), key=key.encode(), partition=number % PARTITIONS)


async def _ended(load: "asyncio.Task[None]") -> None:
    load.cancel()
    await asyncio.gather(load, return_exceptions=True)


@asynccontextmanager
async def staged(plan: Plan, name: str, model: str) -> AsyncIterator[Stage]:
    """Topics, the provider and the load, and no worker yet; `name` tells its topics from those of other scenarios."""
    folder = plan.folder / name
    folder.mkdir()
    with ExitStack() as stack:
        mock = stack.enter_context(mock_provider(folder))
        settings = MOCK.format(url=mock.url, model=model) + f"timeouts.total_seconds = {CALL_SECONDS}\n"
        workplace = Workplace(folder, plan.bootstrap, f"{name}-{time.time_ns()}", settings, partitions=PARTITIONS)
        place = await asyncio.to_thread(stack.enter_context, workplace)  # it makes its topics in a loop of its own
        topics = (place.topic("chunks"), place.topic("results"))
        async with read_outputs(plan.bootstrap, *topics, PARTITIONS) as outputs:
            load = asyncio.create_task(_send(outputs, plan.bootstrap, place.topic("requests"), model, plan.rate))
            try:
                yield Stage(plan.bootstrap, place, mock, outputs, load)
            finally:
                await _ended(load)


async def crew_of_three(stage: Stage, *names: str) -> None:
    """Starts three workers, with these names or without, and waits until they share the partitions."""
    begun = time.time()
    for name in names or (None, None, None):
        stage.start(name)
    await quiet(stage, begun, 0)


async def quiet(stage: Stage, begun: float, number: int) -> None:
    """Waits until all is well again after a time, and some more: what had to wait is answered, and then all is quiet.

    By no whole heartbeat intervals, so that the next fault, with another number, meets those at another moment.
    """
    await stage.settled(begun)
    await asyncio.sleep(1 + QUIET_SECONDS + 0.37 * (number % 3))


def gaps_of(stage: Stage, partitions: Iterable[int], begin: float, end: float) -> list[float]:
    """The largest gap between visible results, for each of these partitions."""
    shown = stage.outputs.results
    return [largest_gap([result.shown_at for result in shown[number]], begin, end) for number in sorted(partitions)]
