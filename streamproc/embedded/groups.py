"""All consumer groups of the broker."""

from collections.abc import Callable, Iterator
from uuid import uuid4

from streamproc.embedded.codes import Code
from streamproc.embedded.group import Group
from streamproc.embedded.member import Join
from streamproc.embedded.offsets import GroupOffsets
from streamproc.embedded.phases import State
from streamproc.embedded.timing import CallLater

__all__ = ["Groups"]


class Groups:
    """Groups by id. One is there as soon as somebody asks to join it or commits for it, until it is deleted."""

    def __init__(
        self,
        call_later: CallLater,
        *,
        min_session_seconds: float = 1.0,
        max_session_seconds: float = 1_800.0,
        unique: Callable[[], str] = lambda: str(uuid4()),
    ) -> None:
        """A member may ask for a session timeout between the two bounds; `unique` makes its id differ from others.

        The lower bound is not Kafka's default, which is 6 seconds: short sessions make for short tests.
        """
        self._call_later = call_later
        self._session_bounds = min_session_seconds, max_session_seconds
        self._unique = unique
        self._by_id: dict[str, Group] = {}

    def __iter__(self) -> Iterator[tuple[str, Group]]:
        """All groups with their ids, oldest first."""
        return ((group_id, group) for group_id, group in tuple(self._by_id.items()) if group.is_known)

    def find(self, group_id: str) -> Group | None:
        """The group, or None."""
        group = self._by_id.get(group_id)
        return group if group is not None and group.is_known else None

    def of_member(self, group_id: str) -> Group | Code:
        """The group that somebody says to be a member of; else INVALID_GROUP_ID or UNKNOWN_MEMBER_ID."""
        if not group_id:
            return Code.INVALID_GROUP_ID
        return self.find(group_id) or Code.UNKNOWN_MEMBER_ID

    def group(self, group_id: str) -> Group:
        """The group; an unknown one is made."""
        if group_id not in self._by_id:
            self._by_id[group_id] = Group(self._call_later, self._unique)
        return self._by_id[group_id]

    def offsets(self, group_id: str) -> GroupOffsets:
        """The group's offsets; an unknown group is made."""
        return self.group(group_id).offsets

    def check_join(self, group_id: str, join: Join) -> Code:
        """Whether a join may go to the group at all.

        Returns:
            INVALID_GROUP_ID for an empty id; INVALID_SESSION_TIMEOUT outside the bounds; UNKNOWN_MEMBER_ID for somebody
            who claims to be a member of a group that is not there; else NONE.
        """
        shortest, longest = self._session_bounds
        if not group_id:
            return Code.INVALID_GROUP_ID
        if not shortest <= join.session_seconds <= longest:
            return Code.INVALID_SESSION_TIMEOUT
        if join.member_id and self.find(group_id) is None:
            return Code.UNKNOWN_MEMBER_ID
        return Code.NONE

    def delete(self, group_id: str) -> Code:
        """Forgets a group without members, and its offsets; else GROUP_ID_NOT_FOUND or NON_EMPTY_GROUP."""
        group = self.find(group_id)
        if group is None:
            return Code.GROUP_ID_NOT_FOUND
        if group.state is not State.EMPTY:
            return Code.NON_EMPTY_GROUP
        group.close()
        del self._by_id[group_id]
        return Code.NONE

    def forget_topic(self, topic: str) -> None:
        """Drops the offsets of a topic that was deleted."""
        for group in self._by_id.values():
            group.offsets.forget_topic(topic)
