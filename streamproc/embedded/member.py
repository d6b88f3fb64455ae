"""One member of a group, and what it and the group say to each other."""

from asyncio import Future
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from streamproc.embedded.codes import Code

__all__ = ["Join", "Joined", "JoinedMember", "Member", "Synced"]

_Answer = TypeVar("_Answer")


class Join(NamedTuple):
    """What a client says when it wants to be a member.

    Attributes:
        member_id: the id it was given, or empty.
        instance_id: the name of a static member, which outlives its process; None for a dynamic one.
        protocols: assignors it can work with and its metadata for each, the best loved first.
    """

    member_id: str
    instance_id: str | None
    client_id: str
    client_host: str
    session_seconds: float
    rebalance_seconds: float
    protocol_type: str
    protocols: tuple[tuple[str, bytes], ...]


class JoinedMember(NamedTuple):
    """What the leader learns about one member; the fields are those of the response."""

    member_id: str
    instance_id: str | None
    metadata: bytes


class Joined(NamedTuple):
    """Answer to a join; `members` is filled for the leader only, which makes the assignment from it."""

    code: Code
    generation: int = -1
    protocol: str = ""
    leader_id: str = ""
    member_id: str = ""
    members: tuple[JoinedMember, ...] = ()


class Synced(NamedTuple):
    """Answer to a sync: what the leader assigned to this member."""

    code: Code
    assignment: bytes = b""


@dataclass(slots=True)
class Member:
    """A member and the requests of it that wait for an answer.

    A client that goes away takes nothing along: its future is cancelled, but the member still counts as waiting, since
    the group learns of a lost client only by the end of its session.

    Attributes:
        id: given by the broker; a static member gets a new one whenever it comes back.
        join: who it is, and what its newest join said.
        is_new: it has not seen a generation yet.
        has_synced: it has asked for its assignment in this generation.
        joining, syncing: what it waits for.
    """

    id: str
    join: Join
    is_new: bool = False
    has_synced: bool = False
    assignment: bytes = b""
    joining: Future[Joined] | None = None
    syncing: Future[Synced] | None = None

    def metadata(self, protocol: str) -> bytes:
        """What it says about itself under this protocol; nothing when it does not know it."""
        return dict(self.join.protocols).get(protocol, b"")

    def rejoin(self, join: Join, waiting: Future[Joined]) -> None:
        """Takes what a newer join says, except who it is: a name is given once, also if the client leaves it out."""
        self.join = self.join._replace(
            session_seconds=join.session_seconds, rebalance_seconds=join.rebalance_seconds, protocols=join.protocols
        )
        self.joining = waiting

    def answer_join(self, answer: Joined) -> bool:
        """Answers the join it waits for; False when there is none."""
        waiting, self.joining = self.joining, None
        return _answer(waiting, answer)

    def answer_sync(self, answer: Synced) -> bool:
        """Answers the sync it waits for; False when there is none."""
        waiting, self.syncing = self.syncing, None
        return _answer(waiting, answer)


def _answer(waiting: Future[_Answer] | None, answer: _Answer) -> bool:
    if waiting is None:
        return False
    if not waiting.done():
        waiting.set_result(answer)
    return True
