"""Who belongs to a group: members by id, static names, ids that were given out, the leader, the common protocol."""

from collections import Counter
from collections.abc import Iterator

from streamproc.embedded.codes import Code
from streamproc.embedded.member import Join, Member

__all__ = ["Members"]


class Members:
    """The members of one group.

    What they have in common is worked out of the members each time, so that it cannot drift away from them.

    Attributes:
        leader_id: the member that makes the assignments; None without members.
        pending: ids given to dynamic members that have not joined with them yet.
        protocol_type: of all members; it stays when the last one leaves, and is None before the first.
    """

    def __init__(self) -> None:
        self._by_id: dict[str, Member] = {}
        self._static: dict[str, str] = {}
        self.leader_id: str | None = None
        self.pending: set[str] = set()
        self.protocol_type: str | None = None

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Member]:
        return iter(tuple(self._by_id.values()))

    def __contains__(self, member_id: str) -> bool:
        return member_id in self._by_id

    def __getitem__(self, member_id: str) -> Member:
        return self._by_id[member_id]

    def with_instance_id(self, instance_id: str) -> Member | None:
        """The static member of that name."""
        member_id = self._static.get(instance_id)
        return None if member_id is None else self._by_id[member_id]

    def check(self, member_id: str, instance_id: str | None) -> Code:
        """NONE for a member; FENCED_INSTANCE_ID when another one has taken its name, else UNKNOWN_MEMBER_ID."""
        if instance_id is not None and self._static.get(instance_id, member_id) != member_id:
            return Code.FENCED_INSTANCE_ID
        if member_id not in self._by_id or (instance_id is not None and instance_id not in self._static):
            return Code.UNKNOWN_MEMBER_ID
        return Code.NONE

    def add(self, member: Member) -> None:
        """Takes a member in, which is pending no more; the first one leads."""
        if not self._by_id:
            self.protocol_type = member.join.protocol_type
        self.pending.discard(member.id)
        self._by_id[member.id] = member
        if member.join.instance_id is not None:
            self._static[member.join.instance_id] = member.id
        self.leader_id = self.leader_id or member.id

    def remove(self, member: Member) -> None:
        """Forgets a member; when it led, another one does now."""
        del self._by_id[member.id]
        if member.join.instance_id is not None:
            del self._static[member.join.instance_id]
        if self.leader_id == member.id:
            self.leader_id = next(iter(self._by_id), None)

    def replace(self, old: Member, new: Member) -> None:
        """Puts a static member that came back in the place of its former self."""
        was_leader = self.leader_id == old.id
        self.remove(old)
        self.add(new)
        if was_leader:
            self.leader_id = new.id

    @property
    def have_joined(self) -> bool:
        """Whether nobody has to be waited for."""
        return not self.pending and all(member.joining for member in self)

    @property
    def have_synced(self) -> bool:
        """Whether all have asked for their assignments."""
        return all(member.has_synced for member in self)

    @property
    def rebalance_seconds(self) -> float:
        """How long the slowest member may take to join again."""
        return max((member.join.rebalance_seconds for member in self), default=0.0)

    def elect_leader(self) -> bool:
        """Gives the lead to a member that has joined, if the leader has not; False when none has."""
        joined = [member.id for member in self if member.joining]
        if joined and self.leader_id not in joined:
            self.leader_id = joined[0]
        return bool(joined)

    def can_take(self, join: Join) -> bool:
        """Whether the protocol type is that of the others, and one protocol is known to all of them."""
        names = {name for name, _ in join.protocols}
        if not self._by_id:
            return bool(join.protocol_type and names)
        return join.protocol_type == self.protocol_type and bool(names & self._common_protocols())

    def choose_protocol(self) -> str:
        """The protocol with most votes: each member votes for the first of its own that all others know too."""
        common = self._common_protocols()
        votes = Counter(next(name for name, _ in member.join.protocols if name in common) for member in self)
        return votes.most_common(1)[0][0]

    def _common_protocols(self) -> set[str]:
        return set.intersection(*({name for name, _ in member.join.protocols} for member in self))
