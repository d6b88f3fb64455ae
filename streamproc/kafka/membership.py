"""Membership: our place in the consumer group, as its coordinator confirms it."""

from typing import Any, NamedTuple

from aiokafka.protocol.group import HeartbeatRequest

__all__ = ["Generation", "Membership"]


class Generation(NamedTuple):
    """One state of the group, and who we are in it."""

    number: int
    member_id: str


class Membership:
    """Asks aiokafka's coordinator, which has no public way to tell (0.14)."""

    def __init__(self, consumer: Any, group: str) -> None:
        self._consumer = consumer
        self._group = group

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
        answer = await coordinator._send_req(HeartbeatRequest(self._group, *generation))  # noqa: SLF001 see the class
        return bool(answer.error_code == 0)
