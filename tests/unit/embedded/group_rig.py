"""A group without a broker: requests are calls, answers are futures, and time moves by hand."""

import asyncio
from itertools import count

from streamproc.embedded.codes import Code
from streamproc.embedded.group import Group
from streamproc.embedded.member import Join, Joined, Synced
from tests.unit.embedded.transaction_rig import Timers

__all__ = ["GroupRig", "join_of"]

SESSION = 10.0
REBALANCE = 60.0


def join_of(
    member_id: str = "",
    *,
    instance_id: str | None = None,
    protocols: tuple[tuple[str, bytes], ...] = (("range", b"topics"),),
    session: float = SESSION,
    rebalance: float = REBALANCE,
    protocol_type: str = "consumer",
) -> Join:
    """A join of the client `app` on this machine."""
    return Join(member_id, instance_id, "app", "/127.0.0.1", session, rebalance, protocol_type, protocols)


class GroupRig:
    """One group whose member ids are `app-1`, `app-2` … or begin with the instance id."""

    def __init__(self) -> None:
        numbers = count(1)
        self.timers = Timers()
        self.group = Group(self.timers.call_later, lambda: str(next(numbers)))

    def pass_time(self, seconds: float) -> None:
        self.timers.pass_time(seconds)

    def join(self, join: Join) -> asyncio.Future[Joined]:
        reply = asyncio.get_running_loop().create_future()
        self.group.join(join, reply)
        return reply

    def new_id(self, join: Join | None = None) -> str:
        """The id that a dynamic member is told to come back with."""
        answer = self.join(join or join_of()).result()
        assert answer.code is Code.MEMBER_ID_REQUIRED
        return answer.member_id

    def sync(
        self,
        member_id: str,
        assignments: dict[str, bytes] | None = None,
        *,
        generation: int | None = None,
        instance_id: str | None = None,
    ) -> asyncio.Future[Synced]:
        reply = asyncio.get_running_loop().create_future()
        generation = self.group.generation if generation is None else generation
        self.group.sync(member_id, instance_id, generation, assignments or {}, reply)
        return reply

    def heartbeat(self, member_id: str) -> Code:
        return self.group.heartbeat(member_id, self.group.generation)

    def stable(self, *joins: Join) -> list[str]:
        """Brings a new group to Stable with these members, the first one leading; each is assigned its own id."""
        ids = ["" if join.instance_id else self.new_id(join) for join in joins]
        replies = [self.join(join._replace(member_id=member_id)) for join, member_id in zip(joins, ids, strict=True)]
        if len(joins) > 1:
            # The first one was alone in a generation of its own; it joins the others.
            first = replies[0].result()
            replies[0] = self.join(joins[0]._replace(member_id=first.member_id))
        ids = [reply.result().member_id for reply in replies]
        waiting = [self.sync(member_id) for member_id in ids[1:]]
        waiting.append(self.sync(ids[0], {member_id: member_id.encode() for member_id in ids}))
        assert all(reply.result().code is Code.NONE for reply in waiting)
        return ids
