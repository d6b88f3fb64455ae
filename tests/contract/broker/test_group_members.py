"""Groups: members come and go, and each time all agree on a new generation."""

import asyncio

from streamproc.embedded.codes import Code
from tests.contract.broker.crew import Crew, assign, has_rebalance, rebalance
from tests.contract.broker.groups import describe
from tests.contract.broker.member import Joined, subscription


async def test_a_first_join_gets_a_member_id_and_is_to_come_again(crew: Crew) -> None:
    """So that a client that lost the answer leaves no member behind. The id begins with the client's own name."""
    member = await crew.recruit()
    joined = await member.join()
    assert (joined.code, joined.generation, joined.members) == (Code.MEMBER_ID_REQUIRED, -1, [])
    assert joined.member.startswith("contract-")


async def test_the_only_member_leads_and_gets_what_it_assigns(crew: Crew) -> None:
    """Generation 1, and the members' metadata for the leader."""
    member = await crew.recruit(protocols=[("range", subscription("a topic"))])
    joined = await member.enter()
    assert joined == Joined(Code.NONE, 1, "range", member.id, member.id, [(member.id, None, subscription("a topic"))])
    assert await member.sync((member.id, b"mine")) == (Code.NONE, b"mine")
    assert await member.heartbeat() == Code.NONE


async def test_two_members_share_a_generation_and_a_leader(crew: Crew) -> None:
    """Who comes second waits for the first; only the leader is told who is there."""
    first, second = await crew.recruit(), await crew.recruit()
    await first.alone()
    await second.join()
    mine, theirs = await rebalance(first, second)
    assert {member for member, *_ in mine.members} == {first.id, second.id}
    assert theirs.members == []
    assert (mine.generation, mine.leader, mine.protocol) == (theirs.generation, theirs.leader, theirs.protocol)
    assert (mine.generation, mine.leader) == (2, first.id)
    await assign(first, second)


async def test_a_member_that_waits_for_its_id_disturbs_nobody(crew: Crew) -> None:
    """It is no member until it comes again."""
    first, second = await crew.recruit(), await crew.recruit()
    await first.alone()
    await second.join()
    assert await first.heartbeat() == Code.NONE
    assert await second.heartbeat() == Code.UNKNOWN_MEMBER_ID


async def test_members_are_told_of_a_rebalance_by_their_heartbeat(crew: Crew) -> None:
    """And by sync; commits of the generation that ends are still taken. After the join all is well again."""
    first, second = await crew.recruit(), await crew.recruit()
    await first.alone()
    await second.join()
    waiting = asyncio.create_task(second.join())
    await has_rebalance(first)
    assert await first.sync() == (Code.REBALANCE_IN_PROGRESS, b"")
    await first.join()
    await waiting
    assert await first.heartbeat() == Code.NONE
    await assign(first, second)
    assert [await first.heartbeat(), await second.heartbeat()] == [Code.NONE] * 2


async def test_a_follower_that_syncs_first_waits_for_the_leader(crew: Crew) -> None:
    """Its answer is what the leader gives it."""
    first, second = await crew.recruit(), await crew.recruit()
    await first.alone()
    await second.join()
    await rebalance(first, second)
    waiting = asyncio.create_task(second.sync())
    done, _ = await asyncio.wait([waiting], timeout=0.1)
    assert not done
    await first.sync((first.id, b"1"), (second.id, b"2"))
    assert await waiting == (Code.NONE, b"2")


async def test_a_new_member_ends_the_wait_for_an_assignment(crew: Crew) -> None:
    """Who has synced, and who will, is told to join again."""
    first, second, third = [await crew.recruit() for _ in range(3)]
    await first.alone()
    await second.join()
    await rebalance(first, second)
    waiting = asyncio.create_task(second.sync())
    await third.join()
    joining = asyncio.create_task(third.join())
    assert await waiting == (Code.REBALANCE_IN_PROGRESS, b"")
    assert await first.sync() == (Code.REBALANCE_IN_PROGRESS, b"")
    again = asyncio.create_task(second.join())
    joined = [await first.join(), await again, await joining]
    assert {(one.code, one.generation) for one in joined} == {(Code.NONE, 3)}


async def test_a_join_may_be_repeated_until_the_assignment(crew: Crew) -> None:
    """For a member whose answer was lost; the leader gets the members again."""
    first, second = await crew.recruit(), await crew.recruit()
    await first.alone()
    await second.join()
    before = await rebalance(first, second)
    assert [await first.join(), await second.join()] == before
    await assign(first, second)


async def test_only_the_leader_assigns(crew: Crew) -> None:
    """What others send along counts nothing, nor does an assignment for somebody who is no member."""
    first, second = await crew.recruit(), await crew.recruit()
    await first.alone()
    await second.join()
    await rebalance(first, second)
    waiting = asyncio.create_task(second.sync((second.id, b"all"), (first.id, b"none")))
    assert await first.sync((first.id, b"1"), (second.id, b"2"), ("stranger", b"3")) == (Code.NONE, b"1")
    assert await waiting == (Code.NONE, b"2")


async def test_a_member_that_is_given_nothing_gets_nothing(crew: Crew) -> None:
    """An assignment of no bytes is no error."""
    first, second = await crew.recruit(), await crew.recruit()
    await first.alone()
    await second.join()
    await rebalance(first, second)
    waiting = asyncio.create_task(second.sync())
    await first.sync((first.id, b"all"))
    assert await waiting == (Code.NONE, b"")


async def test_a_sync_in_a_stable_group_gives_the_assignment_again(crew: Crew) -> None:
    """For a member whose answer was lost."""
    leader, other = await crew.pair()
    assert await other.sync() == (Code.NONE, other.id.encode())
    assert await leader.sync((leader.id, b"something else")) == (Code.NONE, leader.id.encode())


async def test_three_members_and_a_leave(crew: Crew) -> None:
    """The two that stay make the next generation, and the one that left is unknown."""
    first, second = await crew.pair()
    third = await crew.recruit()
    await third.join()
    joined = await rebalance(first, third, second)
    assert {one.generation for one in joined} == {3}
    await assign(first, second, third)
    assert await second.leave() == Code.NONE
    joined = await rebalance(first, third)
    assert {member for member, *_ in joined[0].members} == {first.id, third.id}
    assert {one.generation for one in joined} == {4}
    await assign(first, third)
    assert [await second.heartbeat(), await second.leave()] == [Code.UNKNOWN_MEMBER_ID] * 2


async def test_another_member_leads_when_the_leader_leaves(crew: Crew) -> None:
    """The one that is left."""
    leader, other = await crew.pair()
    assert await leader.leave() == Code.NONE
    joined = await other.join()
    assert (joined.code, joined.leader, joined.generation) == (Code.NONE, other.id, 3)
    assert await other.sync((other.id, b"all")) == (Code.NONE, b"all")


async def test_a_leave_ends_the_others_wait_for_it(crew: Crew) -> None:
    """A rebalance waits for all members; one that leaves is not waited for any more."""
    first, second = await crew.pair(rebalance_ms=60_000)
    third = await crew.recruit(rebalance_ms=60_000)
    await third.join()
    waiting = asyncio.create_task(third.join())
    await has_rebalance(first)
    again = asyncio.create_task(first.join())
    await second.leave()
    assert {member for member, *_ in (await again).members} == {first.id, third.id}
    assert (await waiting).code == Code.NONE


async def test_an_id_that_is_given_back_is_waited_for_no_longer(crew: Crew) -> None:
    """A leave of somebody who never joined."""
    leader = await (await crew.recruit(rebalance_ms=60_000)).alone()
    hesitant = await crew.recruit()
    await hesitant.join()
    waiting = asyncio.create_task(leader.join())
    assert await hesitant.leave() == Code.NONE
    assert (await waiting).generation == 2
    assert await hesitant.leave() == Code.UNKNOWN_MEMBER_ID


async def test_an_id_that_is_given_back_starts_a_rebalance(crew: Crew) -> None:
    """Kafka takes this leave for one like others, although nobody was there."""
    leader = await (await crew.recruit()).alone()
    hesitant = await crew.recruit()
    await hesitant.join()
    assert await leader.heartbeat() == Code.NONE
    assert await hesitant.leave() == Code.NONE
    assert await leader.heartbeat() == Code.REBALANCE_IN_PROGRESS
    assert (await leader.join()).generation == 2


async def test_the_group_of_a_member_that_left_is_empty(crew: Crew) -> None:
    """It is still there, and begins anew with the next member."""
    member = await (await crew.recruit()).alone()
    assert await member.leave() == Code.NONE
    assert (await describe(member.wire, member.group)).state == "Empty"
    other = await crew.recruit()
    joined = await other.enter()
    assert (joined.generation, joined.leader) == (3, other.id)


async def test_a_member_may_join_again_with_its_id(crew: Crew) -> None:
    """A leader that does so wants a new generation; a follower is given the one it has."""
    leader, other = await crew.pair()
    again = await other.join()
    assert (again.code, again.generation, again.leader) == (Code.NONE, 2, leader.id)
    assert await leader.heartbeat() == Code.NONE
    waiting = asyncio.create_task(leader.join())
    await has_rebalance(other)
    await other.join()
    assert (await waiting).generation == 3
