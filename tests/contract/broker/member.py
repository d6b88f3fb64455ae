"""One member of a consumer group, request by request, with the requests that aiokafka sends."""

from collections.abc import Sequence
from typing import NamedTuple, Self

from aiokafka.protocol.commit import OffsetCommitRequest_v3, OffsetFetchRequest_v3
from aiokafka.protocol.group import (
    HeartbeatRequest_v1,
    JoinGroupRequest_v5,
    LeaveGroupRequest_v1,
    ProtocolMetadata,
    SyncGroupRequest_v3,
)

from streamproc.embedded.codes import Code
from tests.contract.broker.wire import Wire

__all__ = ["Committed", "Joined", "Member", "commit", "committed", "subscription"]


class Joined(NamedTuple):
    """Answer to JoinGroup; `members` are (member id, instance id, metadata), for the leader only."""

    code: Code
    generation: int
    protocol: str
    leader: str
    member: str
    members: list[tuple[str, str | None, bytes]]


class Committed(NamedTuple):
    """A committed offset; -1 and an empty text when there is none."""

    offset: int
    metadata: str


def subscription(*topics: str, user_data: bytes = b"") -> bytes:
    """Metadata of a protocol. Kafka reads it for groups of consumers, and never answers a join with other bytes."""
    encoded: bytes = ProtocolMetadata(0, list(topics), user_data).encode()
    return encoded


class Member:
    """A member as the group knows it; it needs a connection of its own, as a join may wait for the others.

    Attributes:
        id, generation: as of the last join that succeeded; a test may set them.
    """

    def __init__(
        self,
        wire: Wire,
        group: str,
        *,
        instance: str | None = None,
        session_ms: int = 10_000,
        rebalance_ms: int = 10_000,
        protocols: Sequence[tuple[str, bytes]] | None = None,
        protocol_type: str = "consumer",
    ) -> None:
        self.wire, self.group, self.instance = wire, group, instance
        self.session_ms, self.rebalance_ms = session_ms, rebalance_ms
        self.protocols = list(protocols if protocols is not None else [("range", subscription())])
        self.protocol_type = protocol_type
        self.id, self.generation = "", -1

    async def join(self) -> Joined:
        """One JoinGroup request; a member id that comes with it is kept, also from MEMBER_ID_REQUIRED."""
        answer = await self.wire.ask(
            JoinGroupRequest_v5(
                self.group,
                self.session_ms,
                self.rebalance_ms,
                self.id,
                self.instance,
                self.protocol_type,
                self.protocols,
            )
        )
        joined = Joined(
            Code(answer.error_code),
            answer.generation_id,
            answer.group_protocol,
            answer.leader_id,
            answer.member_id,
            answer.members,
        )
        if joined.code in {Code.NONE, Code.MEMBER_ID_REQUIRED}:
            self.id, self.generation = joined.member, joined.generation
        return joined

    async def enter(self) -> Joined:
        """Joins for the first time: the id is given, then used."""
        assert (await self.join()).code == Code.MEMBER_ID_REQUIRED
        return await self.join()

    async def sync(self, *assignments: tuple[str, bytes]) -> tuple[Code, bytes]:
        """Code and own assignment; a leader gives all members theirs."""
        answer = await self.wire.ask(
            SyncGroupRequest_v3(self.group, self.generation, self.id, self.instance, list(assignments))
        )
        return Code(answer.error_code), answer.member_assignment

    async def alone(self) -> Self:
        """Becomes the only member of a stable group."""
        joined = await self.enter()
        assert (joined.code, joined.leader) == (Code.NONE, self.id)
        assert await self.sync((self.id, b"all")) == (Code.NONE, b"all")
        return self

    async def heartbeat(self) -> Code:
        """Signs of life."""
        return Code((await self.wire.ask(HeartbeatRequest_v1(self.group, self.generation, self.id))).error_code)

    async def leave(self) -> Code:
        """Goes."""
        return Code((await self.wire.ask(LeaveGroupRequest_v1(self.group, self.id))).error_code)

    async def commit(self, topic: str, offset: int, metadata: str = "", *, partition: int = 0) -> Code:
        """Commits as this member in its generation."""
        return await commit(
            self.wire, self.group, topic, offset, metadata, partition=partition, member=(self.generation, self.id)
        )


async def commit(
    wire: Wire,
    group: str,
    topic: str,
    offset: int,
    metadata: str | None = "",
    *,
    partition: int = 0,
    member: tuple[int, str] = (-1, ""),
) -> Code:
    """Commits one offset, by default without being a member."""
    answer = await wire.ask(OffsetCommitRequest_v3(group, *member, -1, [(topic, [(partition, offset, metadata)])]))
    ((_, ((_, code),)),) = answer.topics
    return Code(code)


async def committed(wire: Wire, group: str, topic: str, partition: int = 0) -> Committed:
    """What the group has committed for a partition."""
    answer = await wire.ask(OffsetFetchRequest_v3(group, [(topic, [partition])]))
    ((_, ((_, offset, metadata, code),)),) = answer.topics
    assert (answer.error_code, code) == (Code.NONE, Code.NONE)
    return Committed(offset, metadata)
