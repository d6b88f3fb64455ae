"""Groups: members with an instance id, which may restart without a rebalance."""

import asyncio
from typing import Any

from streamproc.embedded.codes import Code
from tests.contract.broker.crew import Crew, has_rebalance, rebalance
from tests.contract.broker.groups import describe
from tests.contract.broker.member import Member, subscription


async def static_pair(crew: Crew, **changes: Any) -> tuple[Member, Member]:
    """A stable group of `one`, which leads, and `two`."""
    leader, other = await crew.recruit(instance="one", **changes), await crew.recruit(instance="two", **changes)
    assert (await leader.join()).code == Code.NONE
    await leader.sync((leader.id, b"1"))
    await rebalance(leader, other)
    waiting = asyncio.create_task(other.sync())
    assert await leader.sync((leader.id, b"1"), (other.id, b"2")) == (Code.NONE, b"1")
    assert await waiting == (Code.NONE, b"2")
    return leader, other


async def test_a_static_member_joins_at_once(crew: Crew) -> None:
    """It needs no second request; its id begins with the name of the instance."""
    member = await crew.recruit(instance="one")
    joined = await member.join()
    assert (joined.code, joined.generation, joined.leader) == (Code.NONE, 1, member.id)
    assert joined.members == [(member.id, "one", subscription())]
    assert member.id.startswith("one-")


async def test_a_static_follower_comes_back_without_a_rebalance(crew: Crew) -> None:
    """With a new member id, in the same generation, with the same assignment."""
    leader, other = await static_pair(crew)
    back = await crew.recruit(instance="two")
    joined = await back.join()
    assert (joined.code, joined.generation, joined.leader) == (Code.NONE, 2, leader.id)
    assert back.id != other.id
    assert await back.sync() == (Code.NONE, b"2")
    assert [await leader.heartbeat(), await back.heartbeat()] == [Code.NONE] * 2


async def test_a_static_leader_comes_back_without_a_rebalance(crew: Crew) -> None:
    """It is not told that it leads, so that it does not divide anew."""
    leader, other = await static_pair(crew)
    back = await crew.recruit(instance="one")
    joined = await back.join()
    assert (joined.code, joined.generation, joined.members) == (Code.NONE, 2, [])
    assert joined.leader == leader.id != back.id
    assert await back.sync() == (Code.NONE, b"1")
    assert [await other.heartbeat(), await back.heartbeat()] == [Code.NONE] * 2


async def test_a_static_leader_that_came_back_still_leads(crew: Crew) -> None:
    """It may ask for a new generation, and is told the members then."""
    _, other = await static_pair(crew)
    back = await crew.recruit(instance="one")
    await back.join()
    await back.sync()
    waiting = asyncio.create_task(back.join())
    await has_rebalance(other)
    await other.join()
    joined = await waiting
    assert (joined.generation, joined.leader, len(joined.members)) == (3, back.id, 2)


async def test_the_instance_that_was_replaced_is_fenced(crew: Crew) -> None:
    """Where its requests name the instance; elsewhere its member id is unknown."""
    _, old = await static_pair(crew)
    await (await crew.recruit(instance="two")).join()
    assert await old.heartbeat() == Code.UNKNOWN_MEMBER_ID
    assert await old.sync() == (Code.FENCED_INSTANCE_ID, b"")
    assert await old.leave() == Code.UNKNOWN_MEMBER_ID
    assert (await old.join()).code == Code.FENCED_INSTANCE_ID


async def test_a_static_member_that_leaves_is_gone(crew: Crew) -> None:
    """One that says so by its member id does not only restart."""
    leader, other = await static_pair(crew)
    assert await other.leave() == Code.NONE
    await has_rebalance(leader)
    joined = await leader.join()
    assert [instance for _, instance, _ in joined.members] == ["one"]


async def test_a_static_member_that_does_not_come_to_a_rebalance_stays(crew: Crew) -> None:
    """Unlike others: it may be restarting. The leader is told of it and can give it a share."""
    leader, absent = await static_pair(crew, rebalance_ms=1_000)
    joined = await leader.join()
    assert {instance for _, instance, _ in joined.members} == {"one", "two"}
    assert await absent.heartbeat() == Code.ILLEGAL_GENERATION


async def test_a_static_leader_that_does_not_come_is_replaced(crew: Crew) -> None:
    """Somebody has to divide."""
    absent, other = await static_pair(crew, rebalance_ms=1_000)
    other.protocols = [("range", subscription("another topic"))]
    joined = await other.join()
    assert (joined.code, joined.leader) == (Code.NONE, other.id)
    assert {instance for _, instance, _ in joined.members} == {"one", "two"}
    assert await absent.heartbeat() == Code.ILLEGAL_GENERATION


async def test_static_and_other_members_share_a_group(crew: Crew) -> None:
    """Each is told with its instance id, or none."""
    static = await crew.recruit(instance="one")
    await static.join()
    await static.sync()
    other = await crew.recruit()
    assert (await other.join()).code == Code.MEMBER_ID_REQUIRED
    mine, _ = await rebalance(static, other)
    assert {instance for _, instance, _ in mine.members} == {"one", None}
    assert len((await describe(static.wire, crew.group)).members) == 2
