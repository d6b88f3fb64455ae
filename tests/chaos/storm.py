"""The storm: does what the plan says to workers and brokers, and writes down what it did when."""

import asyncio
import signal
import time
from collections.abc import Callable, Sequence

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from tests.chaos.clusters import Cluster
from tests.chaos.plan import Fault
from tests.chaos.recovery import Departure, Moment
from tests.chaos.workers import Crew, CrewMember

__all__ = ["Storm"]

_LOOK_SECONDS = 0.05
_RESTART_SECONDS = 0.5
_WHOLE_BYTES = 1_048_588  # Kafka's default of max.message.bytes


class Storm:
    """Runs faults against a crew and a cluster.

    Attributes:
        done: kinds of the faults that were done.
        departures: workers that were killed or stopped.
        moments: when faults began and ended.
        in_flight: calls that ran in workers when they were killed or frozen: these may be bought again.
        crashes: workers that were at work and ended by themselves, which no fault should make them do.
    """

    def __init__(
        self,
        crew: Crew,
        cluster: Cluster,
        chunks_topic: str,
        say: Callable[[str], None],
    ) -> None:
        self._crew = crew
        self._cluster = cluster
        self._chunks_topic = chunks_topic
        self._say = say
        self.departures: list[Departure] = []
        self.moments: list[Moment] = []
        self.done: list[str] = []
        self.in_flight = 0
        self.crashes = 0

    async def run(self, faults: Sequence[Fault]) -> None:
        """Does every fault at its time, several at once if they overlap, and waits until all are over."""
        started = time.monotonic()
        watching = asyncio.create_task(self._watch())
        try:
            async with asyncio.TaskGroup() as under_way:
                for number, fault in enumerate(faults):
                    await asyncio.sleep(max(0.0, started + fault.at - time.monotonic()))
                    under_way.create_task(self._do(number, fault))
        finally:
            watching.cancel()
            for member in self._crew.members:
                if member.is_frozen:
                    member.thaw()

    async def _do(self, number: int, fault: Fault) -> None:
        self.moments.append(Moment(number, time.time()))
        if fault.kind in {"kill", "freeze", "leave"}:
            # One that is asked to leave while it starts ends at once, and has nothing that could be measured.
            # The last one may have been killed, and the next one not be there yet.
            while (member := self._crew.pick(fault.pick, at_work=fault.kind == "leave")) is None:  # noqa: ASYNC110 as below
                await asyncio.sleep(_LOOK_SECONDS)
            await {"kill": self._kill, "freeze": self._freeze, "leave": self._leave}[fault.kind](number, fault, member)
        elif fault.kind == "join":
            self._told("join", repr(self._crew.start()))
        elif fault.kind == "restart":
            self._told("restart", f"a broker goes down for {fault.seconds:.1f} s")
            self._say(f"  {await self._cluster.restart(fault.pick, fault.seconds)}")
        elif fault.kind == "slow":
            self._told("slow", f"a broker stands still for {fault.seconds:.1f} s")
            await self._cluster.stand_still(fault.pick, fault.seconds)
        else:
            await self._poison(fault)
        self.moments.append(Moment(number, time.time()))

    async def _kill(self, number: int, fault: Fault, member: CrewMember) -> None:
        in_flight = await asyncio.to_thread(member.in_flight)
        member.kill()
        at = time.time()
        self.in_flight += in_flight
        owned = member.owned(at)
        self.departures.append(Departure(number, fault.kind, at, frozenset(owned)))
        self._told("kill", f"{member} with {in_flight} calls on partitions {sorted(owned)}")
        await asyncio.sleep(fault.seconds)
        self._say(f"  {self._crew.start()} takes the place of {member}")

    async def _freeze(self, number: int, fault: Fault, member: CrewMember) -> None:
        self.in_flight += await asyncio.to_thread(member.in_flight)
        member.freeze()
        self._told("freeze", f"{member} for {fault.seconds:.1f} s")
        await asyncio.sleep(fault.seconds)
        member.thaw()
        self._say(f"  {member} wakes up")

    async def _leave(self, number: int, fault: Fault, member: CrewMember) -> None:
        member.leave()
        self._told("leave", repr(member))
        asked_at = time.time()
        while member.is_running:  # noqa: ASYNC110 a process tells nobody that it ends
            await asyncio.sleep(_LOOK_SECONDS)
        at = time.time()
        self.departures.append(Departure(number, fault.kind, at, frozenset(member.owned(asked_at))))
        self._say(f"  {member} is gone after {at - asked_at:.1f} s, exit code {member.worker.process.exit_code}")

    async def _poison(self, fault: Fault) -> None:
        self._told("poison", f"the chunks topic takes nothing for {fault.seconds:.1f} s")
        await self._limit_chunks(100)
        await asyncio.sleep(fault.seconds)
        await self._limit_chunks(_WHOLE_BYTES)

    async def _limit_chunks(self, most_bytes: int) -> None:
        while True:
            admin = AIOKafkaAdminClient(bootstrap_servers=self._cluster.bootstrap, request_timeout_ms=2000)
            try:
                await admin.start()
                limit = {"max.message.bytes": str(most_bytes)}
                await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, self._chunks_topic, limit)])
            except (KafkaError, OSError):
                await asyncio.sleep(0.2)  # no broker answers now
            else:
                return
            finally:
                await admin.close()

    async def _watch(self) -> None:
        """Starts again what ended by itself, as a platform does.

        A worker that is started while a broker is away, or while a topic is poisoned, says so and ends: that is no
        defect. One that was at work has to stay.
        """
        known = set[CrewMember]()
        while True:
            await asyncio.sleep(_RESTART_SECONDS)
            for member in list(self._crew.members):
                process = member.worker.process
                if member in known or member.is_running or member.is_leaving or process.exit_code == -signal.SIGKILL:
                    continue
                known.add(member)
                self.moments.append(Moment(-1, time.time()))
                was_at_work = member.has_started()
                self.crashes += was_at_work
                words = process.last_words(3 if was_at_work else 1)
                self._say(f"  {member} ended by itself, code {process.exit_code}: {words}")
                self._crew.start()

    def _told(self, kind: str, words: str) -> None:
        self.done.append(kind)
        self._say(f"{kind}: {words}")
