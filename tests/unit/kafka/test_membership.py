"""The lease: for how long after a heartbeat nobody else can have our partitions."""

from types import SimpleNamespace
from typing import Any

import pytest

from streamproc.kafka.membership import Generation, Membership
from tests.fakes import FakeClock

LEASE_SECONDS = 8.0
OURS = Generation(3, "me")


class Coordinator:
    """Answers heartbeats, each after a second: with these codes, and then well."""

    def __init__(self, clock: FakeClock, *codes: int) -> None:
        self.generation, self.member_id = OURS
        self.clock = clock
        self.codes = list(codes)
        self.beats = 0

    async def _send_req(self, request: Any) -> Any:
        self.clock.now += 1
        return SimpleNamespace(error_code=self.codes.pop(0) if self.codes else 0)

    async def _do_heartbeat(self) -> bool:
        self.beats += 1
        return bool((await self._send_req(None)).error_code == 0)


class Rig:
    """A member whose coordinator gives these codes."""

    def __init__(self, *codes: int) -> None:
        self.clock = FakeClock()
        self.consumer = SimpleNamespace(_coordinator=Coordinator(self.clock, *codes))
        self.membership = Membership(self.consumer, "g", None, LEASE_SECONDS, self.clock)

    async def beat(self) -> bool:
        """A heartbeat of aiokafka's own."""
        return bool(await self.consumer._coordinator._do_heartbeat())


async def test_there_is_no_lease_before_a_heartbeat() -> None:
    """And none after one that was refused."""
    rig = Rig(25, 27)
    rig.membership.watch_heartbeats()
    assert not rig.membership.has_lease
    assert not await rig.membership.is_alive(OURS)
    assert not await rig.beat()
    assert not rig.membership.has_lease


@pytest.mark.parametrize("is_ours", [True, False])
async def test_a_lease_counts_from_when_the_heartbeat_was_sent(is_ours: bool) -> None:
    """The group counts from when it came; a process that froze before it read the answer must not count from then on."""
    rig = Rig()
    rig.membership.watch_heartbeats()
    assert await (rig.membership.is_alive(OURS) if is_ours else rig.beat())
    rig.clock.now += LEASE_SECONDS - 1.1
    assert rig.membership.has_lease
    rig.clock.now += 0.1
    assert not rig.membership.has_lease


async def test_a_heartbeat_of_another_generation_is_not_sent() -> None:
    """The assignment that asks is over."""
    rig = Rig()
    assert not await rig.membership.is_alive(Generation(2, "me"))
    assert not rig.membership.has_lease


async def test_heartbeats_are_watched_once() -> None:
    """At every assignment it is asked for; a coordinator of aiokafka's that is new is watched as the first one was."""
    rig = Rig()
    rig.membership.watch_heartbeats()
    watched = rig.consumer._coordinator._do_heartbeat
    rig.membership.watch_heartbeats()
    assert rig.consumer._coordinator._do_heartbeat is watched
    await rig.beat()
    assert rig.consumer._coordinator.beats == 1
    rig.clock.now += LEASE_SECONDS
    rig.consumer._coordinator = Coordinator(rig.clock)
    await rig.beat()
    assert not rig.membership.has_lease
    rig.membership.watch_heartbeats()
    await rig.beat()
    assert rig.membership.has_lease
