"""The phases of a consumer group, from one generation to the next, as in Kafka's classic group protocol.

    Empty ──join──▶ PreparingRebalance ──all have joined, or time is up──▶ CompletingRebalance ──leader syncs──▶ Stable
                       ▲        │ nobody is left: Empty                          │                                 │
                       └────────┴── a member joins, changes, leaves or is silent ┴─────────────────────────────────┘

Each way out of PreparingRebalance counts the generation up. Nothing here waits: answers go to the futures of the
members, and time comes in through planned calls. Rules are those of Apache Kafka 4.1, without an initial delay.
"""

from collections.abc import Callable, Mapping
from enum import Enum

from streamproc.embedded.codes import Code
from streamproc.embedded.member import Joined, JoinedMember, Member, Synced
from streamproc.embedded.members import Members
from streamproc.embedded.sessions import Sessions
from streamproc.embedded.timing import CallLater, Timer

__all__ = ["NEW_MEMBER_SECONDS", "Phases", "State"]

NEW_MEMBER_SECONDS = 300.0
"""How long a new member may wait for its first generation: it cannot send heartbeats meanwhile."""


class State(Enum):
    """Names are those that DescribeGroups gives."""

    EMPTY = "Empty"
    PREPARING = "PreparingRebalance"
    COMPLETING = "CompletingRebalance"
    STABLE = "Stable"


class Phases:
    """Where a group stands, and what moves it on: its members, their sessions, and the deadline of the phase.

    Attributes:
        protocol: the assignor of this generation; empty while there is none.
    """

    def __init__(self, call_later: CallLater) -> None:
        self.state = State.EMPTY
        self.generation = 0
        self.protocol = ""
        self.members = Members()
        self._call_later = call_later
        self._sessions = Sessions(call_later, self._expire)
        self._deadline: Timer | None = None

    def promise(self, member_id: str, session_seconds: float) -> None:
        """Keeps a place for a new member that was given this id; a join phase waits for it."""
        self.members.pending.add(member_id)
        self._sessions.extend(member_id, session_seconds)

    def withdraw(self, member_id: str) -> None:
        """Takes a promise back."""
        self._sessions.end(member_id)
        self.members.pending.discard(member_id)
        if self.state is State.PREPARING:
            self.rebalance()

    def add(self, member: Member) -> None:
        """Takes a new member in, which starts a join phase."""
        self.members.add(member)
        self._sessions.extend(member.id, NEW_MEMBER_SECONDS)
        self.rebalance()

    def replace(self, former: Member, member: Member) -> None:
        """Puts a static member that came back in the place of its former self, whose requests are fenced."""
        member.assignment, member.has_synced = former.assignment, former.has_synced
        self._sessions.end(former.id)
        former.answer_join(Joined(Code.FENCED_INSTANCE_ID, member_id=former.id))
        former.answer_sync(Synced(Code.FENCED_INSTANCE_ID))
        self.members.replace(former, member)
        self.extend(member)

    def remove(self, member: Member) -> None:
        """Takes a member out, which starts a join phase."""
        self._drop(member)
        self.rebalance()

    def extend(self, member: Member) -> None:
        """Starts the member's session anew."""
        self._sessions.extend(member.id, member.join.session_seconds)

    def joined(self, member: Member) -> Joined:
        """What a member of this generation is told; the leader alone gets the list."""
        leader_id = self.members.leader_id or ""
        listed = self.members if member.id == leader_id else ()
        members = tuple(JoinedMember(each.id, each.join.instance_id, each.metadata(self.protocol)) for each in listed)
        return Joined(Code.NONE, self.generation, self.protocol, leader_id, member.id, members)

    def note_sync(self, member: Member) -> None:
        """Remembers that the member asked for its assignment; the phase ends in time when all have."""
        member.has_synced = True
        if self.members.have_synced:
            self._plan(None)

    def assign(self, assignments: Mapping[str, bytes]) -> None:
        """Hands out what the leader decided; who is not in it gets nothing."""
        self.state = State.STABLE
        for member in self.members:
            member.assignment = assignments.get(member.id, b"")
            self._answer_sync(member, Synced(Code.NONE, member.assignment))

    def rebalance(self) -> None:
        """Starts a join phase, if there is none, and ends it at once when nobody is missing."""
        is_first = self.state is State.EMPTY
        if self.state is State.COMPLETING:
            for member in self.members:
                member.assignment = b""
                self._answer_sync(member, Synced(Code.REBALANCE_IN_PROGRESS))
        if self.state is not State.PREPARING:
            self.state = State.PREPARING
            self._plan(self._complete_join)
        if is_first or self.members.have_joined:
            self._complete_join()

    def close(self) -> None:
        """Plans nothing any more; who waits, waits on."""
        self._sessions.end_all()
        self._plan(None)

    def _complete_join(self) -> None:
        """Goes on with those who have joined. A static member may be missing: its session decides on it."""
        for member in self.members:
            if not member.joining and member.join.instance_id is None:
                self._drop(member)
        if self.members and not self.members.elect_leader():
            self._plan(self._complete_join)
            return
        self.generation += 1
        self.protocol = self.members.choose_protocol() if self.members else ""
        self.state = State.COMPLETING if self.members else State.EMPTY
        self._plan(self._drop_unsynced if self.members else None)
        for member in self.members:
            member.is_new = member.has_synced = False
            self.extend(member)
            member.answer_join(self.joined(member))

    def _drop_unsynced(self) -> None:
        for member in self.members:
            if not member.has_synced:
                self._drop(member)
        self.rebalance()

    def _expire(self, member_id: str) -> None:
        if member_id in self.members.pending:
            self.withdraw(member_id)
            return
        member = self.members[member_id]
        # Who waits for the group cannot be asked for heartbeats; its session starts anew with the answer.
        if member.is_new or not (member.joining or member.syncing):
            self.remove(member)

    def _drop(self, member: Member) -> None:
        self._sessions.end(member.id)
        self.members.remove(member)
        member.answer_join(Joined(Code.UNKNOWN_MEMBER_ID))
        member.answer_sync(Synced(Code.UNKNOWN_MEMBER_ID))

    def _answer_sync(self, member: Member, answer: Synced) -> None:
        if member.answer_sync(answer):
            self.extend(member)

    def _plan(self, at_deadline: Callable[[], None] | None) -> None:
        """Sets the one deadline of the phase, a rebalance timeout from now, in the place of the one before."""
        if self._deadline is not None:
            self._deadline.cancel()
        wait = self.members.rebalance_seconds
        self._deadline = None if at_deadline is None else self._call_later(wait, at_deadline)
