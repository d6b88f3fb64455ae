"""A consumer group: what each request to it is answered."""

from asyncio import Future
from collections.abc import Callable, Mapping

from streamproc.embedded.codes import Code
from streamproc.embedded.member import Join, Joined, Member, Synced
from streamproc.embedded.members import Members
from streamproc.embedded.offsets import GroupOffsets
from streamproc.embedded.phases import Phases, State
from streamproc.embedded.timing import CallLater

__all__ = ["Group"]


class Group:
    """One group: its members in their phases, and its offsets, which stay when the members go."""

    def __init__(self, call_later: CallLater, unique: Callable[[], str]) -> None:
        """`unique` gives the part of a new member id that no other has."""
        self.offsets = GroupOffsets()
        self._phases = Phases(call_later)
        self._unique = unique

    def __repr__(self) -> str:
        return f"<Group {self.state.value} generation {self.generation}, {len(self.members)} members>"

    @property
    def is_known(self) -> bool:
        """Whether anybody has joined it, is about to, or has committed for it."""
        has_had_members = self.members.protocol_type is not None
        return has_had_members or bool(self.members.pending) or not self.offsets.is_empty

    @property
    def state(self) -> State:
        """The phase the group is in."""
        return self._phases.state

    @property
    def generation(self) -> int:
        """Number of the present generation; 0 before the first."""
        return self._phases.generation

    @property
    def protocol(self) -> str:
        """The assignor of this generation; empty while there is none."""
        return self._phases.protocol

    @property
    def members(self) -> Members:
        """To be looked at only."""
        return self._phases.members

    def join(self, join: Join, reply: Future[Joined]) -> None:
        """Takes a member in or back; `reply` waits until the join phase is over, unless nothing changes."""
        known = self.members.check(join.member_id, join.instance_id)
        if not self.members.can_take(join):
            reply.set_result(Joined(Code.INCONSISTENT_GROUP_PROTOCOL, member_id=join.member_id))
        elif not join.member_id:
            self._join_without_id(join, reply)
        elif join.member_id in self.members.pending and join.instance_id is None:
            self._phases.add(Member(join.member_id, join, is_new=True, joining=reply))
        elif known is not Code.NONE:
            reply.set_result(Joined(known, member_id=join.member_id))
        else:
            self._rejoin(self.members[join.member_id], join, reply)

    def _join_without_id(self, join: Join, reply: Future[Joined]) -> None:
        member_id = f"{join.client_id if join.instance_id is None else join.instance_id}-{self._unique()}"
        if join.instance_id is None:
            # The client has to come back with this id. Were it taken in at once, and the answer got lost, it would
            # join again without an id, and leave a dead member behind each time.
            self._phases.promise(member_id, join.session_seconds)
            reply.set_result(Joined(Code.MEMBER_ID_REQUIRED, member_id=member_id))
        elif (former := self.members.with_instance_id(join.instance_id)) is not None:
            self._replace(former, Member(member_id, join, joining=reply))
        else:
            self._phases.add(Member(member_id, join, is_new=True, joining=reply))

    def _replace(self, former: Member, member: Member) -> None:
        leader_id = self.members.leader_id or ""
        self._phases.replace(former, member)
        if self.state is State.STABLE and self.members.choose_protocol() == self.protocol:
            # It gets its former assignment when it syncs. Named as leader is its former self, so that it does not
            # make a new assignment, which nobody would take.
            member.answer_join(Joined(Code.NONE, self.generation, self.protocol, leader_id, member.id))
        else:
            self._phases.rebalance()

    def _rejoin(self, member: Member, join: Join, reply: Future[Joined]) -> None:
        has_news = join.protocols != member.join.protocols
        # The leader of a stable group comes back because it wants to assign anew: it saw new partitions, say.
        wants_rebalance = self.state is State.STABLE and member.id == self.members.leader_id
        if self.state is State.PREPARING or has_news or wants_rebalance:
            member.rejoin(join, reply)
            self._phases.rebalance()
        else:
            reply.set_result(self._phases.joined(member))

    def sync(
        self,
        member_id: str,
        instance_id: str | None,
        generation: int,
        assignments: Mapping[str, bytes],
        reply: Future[Synced],
    ) -> None:
        """Answers with the member's assignment as soon as the leader, whose sync holds them all, has sent it."""
        code = self._check(member_id, instance_id, generation)
        if code is Code.NONE and self.state is State.PREPARING:
            code = Code.REBALANCE_IN_PROGRESS
        if code is not Code.NONE:
            reply.set_result(Synced(code))
            return
        member = self.members[member_id]
        self._phases.note_sync(member)
        if self.state is State.STABLE:
            reply.set_result(Synced(Code.NONE, member.assignment))
            return
        member.syncing = reply
        if member_id == self.members.leader_id:
            self._phases.assign(assignments)

    def heartbeat(self, member_id: str, generation: int) -> Code:
        """Extends the session; REBALANCE_IN_PROGRESS asks the member to join again."""
        code = self._check(member_id, None, generation)
        if code is not Code.NONE:
            return code
        self._phases.extend(self.members[member_id])
        return Code.REBALANCE_IN_PROGRESS if self.state is State.PREPARING else Code.NONE

    def leave(self, member_id: str) -> Code:
        """Takes a member out, or an id back that was given out; either way the others join anew, as on Kafka."""
        if member_id in self.members.pending:
            has_generation = self.state in {State.COMPLETING, State.STABLE}
            self._phases.withdraw(member_id)
            if has_generation:
                self._phases.rebalance()
        elif member_id in self.members:
            self._phases.remove(self.members[member_id])
        else:
            return Code.UNKNOWN_MEMBER_ID
        return Code.NONE

    def check_commit(self, member_id: str, generation: int) -> Code:
        """Whether this client may commit now; a member's session is extended by it.

        Without members, everybody may who names no generation. During CompletingRebalance nobody may: partitions are
        being dealt out anew. Before that, in PreparingRebalance, members still own what they had, and may.
        """
        if generation < 0 and self.state is State.EMPTY:
            return Code.NONE
        code = self._check(member_id, None, generation)
        if code is Code.NONE and self.state is State.COMPLETING:
            return Code.REBALANCE_IN_PROGRESS
        if code is Code.NONE:
            self._phases.extend(self.members[member_id])
        return code

    def close(self) -> None:
        """Plans nothing any more; who waits, waits on."""
        self._phases.close()

    def _check(self, member_id: str, instance_id: str | None, generation: int) -> Code:
        code = self.members.check(member_id, instance_id)
        return Code.ILLEGAL_GENERATION if code is Code.NONE and generation != self.generation else code
