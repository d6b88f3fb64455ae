"""The scene of a single fault: topics and a provider of its own, a worker behind a proxy, and one that takes over."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from streamproc.records.identity import RunId
from streamproc.records.usage import UsageLine
from streamproc.settings.settings import Settings
from tests.chaos.checker import Counts, count
from tests.chaos.evidence import (
    Committed,
    Evidence,
    Rates,
    SentRequest,
    ServedCall,
    StoredChunk,
    StoredResult,
    StoredUsage,
)
from tests.chaos.proxy import Proxy
from tests.contract.harness.member import Member, running_member
from tests.contract.harness.program import Program, running_program
from tests.contract.harness.settings import PRICE
from tests.contract.harness.stage import Stage, staged
from tests.contract.harness.waiting import eventually_found

__all__ = ["LONG", "QUICK", "SESSION_SECONDS", "SLOW", "Scene", "scene"]

QUICK, LONG, SLOW = "mock-t20-i5-f5", "mock-t100-i20-f5", "mock-t100-i35-f5"
"""Models: 0.1, 2 and 3.5 seconds."""

SESSION_SECONDS = 3.0
_CALL_SECONDS = 4.0  # no call takes longer, so whoever owns a lost one bills it then
_BILL_SECONDS = 30.0
_TOKENS = {QUICK: 20, LONG: 100, SLOW: 100}
_RATES = Rates(int(PRICE["input_usd"] * 1000), int(PRICE["output_usd"] * 1000))
_KAFKA: dict[str, Any] = {"session_timeout_seconds": SESSION_SECONDS, "heartbeat_interval_seconds": 0.5}


class Scene:
    """`stage` reads and writes past the proxy; `proxy` is the victim's only way to the broker."""

    def __init__(self, stage: Stage, proxy: Proxy, folder: Path) -> None:
        self.stage = stage
        self.proxy = proxy
        self._folder = folder
        self._asked: list[SentRequest] = []
        self._runs: list[RunId] = []

    async def ask(self, model: str, *partitions: int, **fields: Any) -> list[RunId]:
        """Publishes a request to each of these partitions, streamed unless said otherwise."""
        requests = [(partition, self.stage.request(model, **fields)) for partition in partitions]
        runs = await self.stage.ask_many(requests)
        self._runs += runs
        is_streamed = fields.get("stream", True)
        self._asked += [
            SentRequest(str(run), run.partition, run.offset, _TOKENS[model], is_streamed=is_streamed) for run in runs
        ]
        return runs

    @contextmanager
    def starting_victim(self) -> Iterator[Program]:
        """The worker that is going to suffer, as a process; it is killed in the end."""
        with running_program(self._settings_behind(self.proxy), self._folder) as program:
            yield program

    def _settings_behind(self, proxy: Proxy | None) -> Settings:
        settings = self.stage.settings
        if proxy is None:
            return settings
        kafka = settings.kafka.model_copy(update={"bootstrap_servers": proxy.bootstrap})
        return settings.model_copy(update={"kafka": kafka})

    @asynccontextmanager
    async def victim(self) -> AsyncIterator[Program]:
        """The same, once every partition is its own, of deferred runs too: what it commits from now on are results."""
        with self.starting_victim() as program:
            await program.has_said("started")

            async def is_owner() -> bool:
                return len(await self.stage.positions()) == 2 * self.stage.settings.topics.partitions

            await eventually_found(is_owner)
            yield program

    @asynccontextmanager
    async def successor(self, proxy: Proxy | None = None) -> AsyncIterator[Member]:
        """Another member of the group, with a way of its own to the broker, or behind another proxy."""
        async with running_member(self._settings_behind(proxy)) as member:
            yield member

    async def is_streaming(self, runs: Sequence[RunId], chunks: int = 3) -> None:
        """Waits until each of the runs has so many chunks."""
        outputs = self.stage.outputs
        await outputs.until(lambda: all(len(outputs.chunks_of(run)) >= chunks for run in runs))

    async def is_answered(self, runs: Sequence[RunId]) -> None:
        """Waits until each of the runs has a result."""
        outputs = self.stage.outputs
        await outputs.until(lambda: all(outputs.results_of(run) for run in runs))

    async def counts(self) -> Counts:
        """Waits until everything that was asked is answered, committed and billed; then all is counted."""
        await self.is_answered(self._runs)
        for run in self._runs:
            await self.stage.has_committed(run)
        give_up = time.monotonic() + _BILL_SECONDS
        while True:
            await self.stage.outputs.rest()
            counts = count(await self._evidence())
            if not counts.unaccounted or time.monotonic() > give_up:
                return counts
            await asyncio.sleep(0.2)

    @property
    def bought_twice(self) -> int:
        """Calls beyond one for each request."""
        requests: int = self.stage.mock.stats.snapshot()["requests"]
        return requests - len(self._asked)

    def transactional_id(self, partition: int) -> str:
        """The id under which a worker commits for a partition."""
        (source,) = self.stage.settings.sources
        return f"{self.stage.settings.kafka.group}/{source.topic}/{partition}"

    def calls_of(self, run: RunId) -> int:
        """Calls that the provider got for a run."""
        return sum((call.client_request_id or "").startswith(f"{run}/") for call in self.stage.mock.stats.calls)

    async def _evidence(self) -> Evidence:
        outputs = self.stage.outputs
        places = {place: offset for (_, place), offset in (await self.stage.committed()).items()}
        return Evidence(
            requests=self._asked,
            results=[
                StoredResult(r.run_id, RunId.parse(r.run_id).partition, 0, r.status, r.attempt, r.text, r.chunk_count)
                for r in outputs.results
            ],
            usage=[_bill(line) for line in outputs.usage],
            chunks=[StoredChunk(c.run_id, 0, 0, c.attempt, c.seq, c.kind, c.text) for c in outputs.chunks],
            calls=[
                ServedCall.listed(call, _RATES) for call in self.stage.mock.stats.snapshot(with_calls=True)["calls"]
            ],
            committed=(),
            last={place: Committed(0, place, offset) for place, offset in places.items()},
        )


def _bill(line: UsageLine) -> StoredUsage:
    most = None if line.at_most is None else line.at_most.cost_nanos
    return StoredUsage(line.usage_id, line.run_id, line.basis, 0, line.cost_nanos, most)


@asynccontextmanager
async def scene(bootstrap: str, prefix: str, folder: Path, /, **changes: dict[str, Any]) -> AsyncIterator[Scene]:
    """Sets the scene, without a worker; `changes` as in `make_settings`."""
    changes["kafka"] = _KAFKA | changes.get("kafka", {})
    changes["provider"] = {"timeouts": {"total_seconds": _CALL_SECONDS}}
    async with staged(bootstrap, prefix, QUICK, LONG, SLOW, **changes) as stage, Proxy(bootstrap) as proxy:
        yield Scene(stage, proxy, folder)
