"""Membership: our place in the consumer group, as its coordinator confirms it."""

from typing import Any, NamedTuple

from aiokafka.protocol.group import HeartbeatRequest, SyncGroupRequest

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

    def __init__(self, consumer: Any, group: str, instance_id: str | None) -> None:
        self._consumer = consumer
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
        answer = await coordinator._send_req(HeartbeatRequest(self.group, *generation))  # noqa: SLF001 see the class
        return bool(answer.error_code == 0)

    async def is_replaced(self, former: Generation) -> bool:
        """Whether another process has taken our instance id since a generation that we were part of.

        A heartbeat of aiokafka's does not carry the name, and learns no more than that the member is gone. This sync
        carries it. It changes nothing: a group beyond that generation refuses it in any case.

        Raises:
            KafkaError: the coordinator does not answer.
        """
        coordinator = self._consumer._coordinator  # noqa: SLF001 see the class
        await coordinator.ensure_coordinator_known()
        request = SyncGroupRequest(self.group, former.number, former.member_id, self.instance_id, [])
        # Not over the coordinator's own connection, where it would wait behind a join.
        answer = await self._consumer._client.send(coordinator.coordinator_id, request)  # noqa: SLF001 see the class
        return bool(answer.error_code == _FENCED_INSTANCE_ID)
