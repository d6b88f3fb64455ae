"""Membership: our place in the consumer group, as its coordinator confirms it."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from aiokafka.protocol.group import HeartbeatRequest, SyncGroupRequest

from streamproc.chain.clock import Clock
from streamproc.kafka.committed import know_coordinator

__all__ = ["Generation", "Membership"]

_FENCED_INSTANCE_ID = 82  # aiokafka 0.14 has no class for it


class Generation(NamedTuple):
    """One state of the group, and who we are in it."""

    number: int
    member_id: str


class Membership:
    """Asks aiokafka's coordinator, which has no public way to tell (0.14).

    `instance_id` is the name of a static member (KIP-345), None of a dynamic one.
    """

    def __init__(self, consumer: Any, group: str, instance_id: str | None, lease_seconds: float, clock: Clock) -> None:
        """`lease_seconds`: for so long after an answered heartbeat was sent, nobody else can have our partitions."""
        self._consumer = consumer
        self._lease_seconds = lease_seconds
        self._clock = clock
        self._watched: Any = None
        self._heartbeat_at = float("-inf")
        self.group = group
        self.instance_id = instance_id

    @property
    def generation(self) -> Generation:
        """The generation of the last assignment. Taken at a commit it would be -1 for a member that was thrown out."""
        coordinator = self._consumer._coordinator  # noqa: SLF001 see the class
        return Generation(coordinator.generation, coordinator.member_id)

    async def is_alive(self, generation: Generation) -> bool:
        """Whether the group still is in this generation, with us in it: a round trip to the coordinator.

        Raises:
            KafkaError: the coordinator does not answer.
        """
        if self.generation != generation:
            return False
        coordinator = self._consumer._coordinator  # noqa: SLF001 see the class
        sent_at = self._clock.monotonic()
        answer = await coordinator._send_req(HeartbeatRequest(self.group, *generation))  # noqa: SLF001 see the class
        if answer.error_code == 0:
            self._heartbeat_at = max(self._heartbeat_at, sent_at)
        return bool(answer.error_code == 0)

    def watch_heartbeats(self) -> None:
        """Notes from now on when the heartbeats of aiokafka's that were answered had been sent."""
        coordinator = self._consumer._coordinator  # noqa: SLF001 see the class
        if self._watched is coordinator:
            return
        self._watched = coordinator
        send: Callable[[], Awaitable[bool]] = coordinator._do_heartbeat  # noqa: SLF001 see the class

        async def timed() -> bool:
            sent_at = self._clock.monotonic()
            is_answered = await send()
            if is_answered:
                self._heartbeat_at = max(self._heartbeat_at, sent_at)
            return is_answered

        coordinator._do_heartbeat = timed  # noqa: SLF001 see the class

    @property
    def has_lease(self) -> bool:
        """Whether nobody else can have our partitions at this moment, however long this process was frozen."""
        return self._clock.monotonic() - self._heartbeat_at < self._lease_seconds

    async def is_replaced(self, former: Generation) -> bool:
        """Whether another process has taken our instance id since a generation that we were part of.

        A heartbeat of aiokafka's does not carry the name, and learns no more than that the member is gone. This sync
        carries it. It changes nothing: a group beyond that generation refuses it in any case.

        Raises:
            KafkaError: the coordinator does not answer.
        """
        coordinator = self._consumer._coordinator  # noqa: SLF001 see the class
        await know_coordinator(coordinator)
        request = SyncGroupRequest(self.group, former.number, former.member_id, self.instance_id, [])
        # Not over the coordinator's own connection, where it would wait behind a join.
        answer = await self._consumer._client.send(coordinator.coordinator_id, request)  # noqa: SLF001 see the class
        return bool(answer.error_code == _FENCED_INSTANCE_ID)
