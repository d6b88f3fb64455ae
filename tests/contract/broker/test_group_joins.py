"""Groups: what a join has to say, the protocol that members agree on, and who is refused."""

from typing import Any

import pytest

from streamproc.embedded.codes import Code
from tests.contract.broker.crew import Crew, assign, rebalance
from tests.contract.broker.member import Member, subscription
from tests.contract.broker.wire import Wire


async def test_a_follower_with_another_subscription_starts_a_rebalance(crew: Crew) -> None:
    """The leader has to divide anew."""
    leader, other = await crew.pair()
    other.protocols = [("range", subscription("another topic"))]
    mine, _ = await rebalance(leader, other)
    assert (mine.generation, {metadata for *_, metadata in mine.members}) == (
        3,
        {subscription(), subscription("another topic")},
    )


async def test_the_protocol_is_one_that_all_members_have(crew: Crew) -> None:
    """Each member lists those it would take."""
    first = await crew.recruit(protocols=[("a", subscription()), ("b", subscription("first"))])
    second = await crew.recruit(protocols=[("b", subscription("second")), ("c", subscription())])
    joined = await first.enter()
    assert joined.protocol == "a"
    await first.sync()
    await second.join()
    mine, theirs = await rebalance(first, second)
    assert (mine.protocol, theirs.protocol) == ("b", "b")
    assert {metadata for *_, metadata in mine.members} == {subscription("first"), subscription("second")}


async def test_members_vote_for_the_protocol(crew: Crew) -> None:
    """Of those that all have, the one that most of them like best."""
    first = await crew.recruit(protocols=[("a", subscription()), ("b", subscription())])
    second, third = [await crew.recruit(protocols=[("b", subscription()), ("a", subscription())]) for _ in range(2)]
    await first.alone()
    await second.join()
    await rebalance(first, second)
    await assign(first, second)
    await third.join()
    assert [one.protocol for one in await rebalance(first, third, second)] == ["b"] * 3


async def test_a_protocol_that_no_other_member_has_is_refused(crew: Crew) -> None:
    """As is none, or another kind of group."""
    await (await crew.recruit()).alone()
    wrong: list[dict[str, Any]] = [{"protocols": [("other", subscription())]}, {"protocols": []}]
    for changes in (*wrong, {"protocol_type": "connect"}):
        assert (await (await crew.recruit(**changes)).join()).code == Code.INCONSISTENT_GROUP_PROTOCOL


async def test_a_group_needs_a_protocol(crew: Crew) -> None:
    """Its first member as well."""
    without: list[dict[str, Any]] = [{"protocols": []}, {"protocol_type": ""}]
    for changes in without:
        assert (await (await crew.recruit(**changes)).join()).code == Code.INCONSISTENT_GROUP_PROTOCOL


async def test_a_group_of_another_kind_keeps_its_bytes_as_they_are(crew: Crew) -> None:
    """Only consumers have a format of their own."""
    member = await crew.recruit(protocol_type="connect", protocols=[("any", b"\x00any\xff")])
    joined = await member.enter()
    assert joined.members == [(member.id, None, b"\x00any\xff")]


async def test_an_unknown_member_is_told_so(crew: Crew) -> None:
    """In a group that is there, and in one that is not."""
    stranger = await crew.recruit()
    stranger.id, stranger.generation = "stranger", 1

    async def is_told() -> None:
        assert (await stranger.join()).code == Code.UNKNOWN_MEMBER_ID
        assert await stranger.sync() == (Code.UNKNOWN_MEMBER_ID, b"")
        assert await stranger.heartbeat() == Code.UNKNOWN_MEMBER_ID
        assert await stranger.leave() == Code.UNKNOWN_MEMBER_ID

    await is_told()
    await (await crew.recruit()).alone()
    await is_told()


async def test_another_generation_is_refused(crew: Crew) -> None:
    """The one before and the one after."""
    member = await (await crew.recruit()).alone()
    for generation in (0, 2):
        member.generation = generation
        assert await member.heartbeat() == Code.ILLEGAL_GENERATION
        assert await member.sync() == (Code.ILLEGAL_GENERATION, b"")


async def test_a_group_without_a_name_is_refused(wire: Wire) -> None:
    """For members."""
    assert (await Member(wire, "").join()).code == Code.INVALID_GROUP_ID


@pytest.mark.parametrize("session_ms", [0, 1, 1_800_001])
async def test_a_session_outside_the_brokers_limits_is_refused(crew: Crew, session_ms: int) -> None:
    """Too short, too long."""
    assert (await (await crew.recruit(session_ms=session_ms)).join()).code == Code.INVALID_SESSION_TIMEOUT
