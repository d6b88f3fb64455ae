"""Several members of a group that act together."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from streamproc.embedded.codes import Code
from tests.contract.broker.member import Joined, Member
from tests.contract.broker.wire import Wire
from tests.contract.harness.waiting import eventually_found

__all__ = ["Crew", "assign", "has_rebalance", "rebalance"]


class Crew:
    """Members of one group, each with a connection of its own."""

    def __init__(self, connect: Callable[[], Awaitable[Wire]], group: str) -> None:
        self.group = group
        self._connect = connect

    async def recruit(self, **changes: Any) -> Member:
        """A member that has not joined yet; `changes` are arguments of `Member`."""
        return Member(await self._connect(), self.group, **changes)

    async def pair(self, **changes: Any) -> tuple[Member, Member]:
        """A stable group of two, in generation 2; the first leads."""
        leader, other = await self.recruit(**changes), await self.recruit(**changes)
        await leader.alone()
        assert (await other.join()).code == Code.MEMBER_ID_REQUIRED
        await rebalance(leader, other)
        await assign(leader, other)
        return leader, other


async def rebalance(leader: Member, *others: Member) -> list[Joined]:
    """All join, and the first of the others makes them do so; the answers, the leader's first."""
    waiting = [asyncio.create_task(others[0].join())]
    await has_rebalance(leader)
    waiting += [asyncio.create_task(member.join()) for member in others[1:]]
    return [await leader.join(), *await asyncio.gather(*waiting)]


async def has_rebalance(member: Member) -> None:
    """Waits until the member's heartbeat tells that it should join again."""

    async def is_told() -> bool:
        return await member.heartbeat() == Code.REBALANCE_IN_PROGRESS

    await eventually_found(is_told)


async def assign(leader: Member, *others: Member) -> None:
    """The leader gives each member its own id as its assignment; the group is stable then."""
    members = (leader, *others)
    waiting = [asyncio.create_task(member.sync()) for member in others]
    answers = [await leader.sync(*[(member.id, member.id.encode()) for member in members])]
    answers += await asyncio.gather(*waiting)
    assert answers == [(Code.NONE, member.id.encode()) for member in members]
