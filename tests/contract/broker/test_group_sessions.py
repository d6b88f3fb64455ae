"""Groups: members that are not heard of any more."""

import asyncio

from streamproc.embedded.codes import Code
from tests.contract.broker.crew import Crew, assign, has_rebalance, rebalance
from tests.contract.harness.waiting import eventually_found

SHORT_MS = 1_000
"""The shortest session that the brokers of these tests allow."""


async def test_a_member_that_died_is_removed_after_its_session(crew: Crew) -> None:
    """It hangs up without a word; the other one is told, and then has all for itself."""
    leader = await (await crew.recruit()).alone()
    mortal = await crew.recruit(session_ms=SHORT_MS, rebalance_ms=60_000)
    await mortal.join()
    await rebalance(leader, mortal)
    await assign(leader, mortal)
    await mortal.wire.close()
    await has_rebalance(leader)
    joined = await leader.join()
    assert [member for member, *_ in joined.members] == [leader.id]
    assert joined.generation == 3


async def test_the_session_of_a_member_that_beats_goes_on(crew: Crew) -> None:
    """For twice its length, while that of another one ends."""
    alive, mortal = await crew.pair(session_ms=SHORT_MS, rebalance_ms=60_000)
    await mortal.wire.close()
    heard = set()
    for _ in range(20):
        heard.add(await alive.heartbeat())
        await asyncio.sleep(SHORT_MS / 10_000)
    assert heard == {Code.NONE, Code.REBALANCE_IN_PROGRESS}
    assert (await alive.join()).code == Code.NONE


async def test_a_member_that_waits_in_a_join_needs_no_heartbeat(crew: Crew) -> None:
    """It cannot send one: its connection waits too."""
    leader, newcomer = [await crew.recruit(rebalance_ms=20_000) for _ in range(2)]
    patient = await crew.recruit(session_ms=SHORT_MS, rebalance_ms=20_000)
    await leader.alone()
    await patient.join()
    await rebalance(leader, patient)
    await assign(leader, patient)
    await newcomer.join()
    waiting = [asyncio.create_task(newcomer.join())]
    await has_rebalance(leader)
    waiting.append(asyncio.create_task(patient.join()))
    for _ in range(15):
        assert await leader.heartbeat() == Code.REBALANCE_IN_PROGRESS
        await asyncio.sleep(SHORT_MS / 10_000)
    assert len((await leader.join()).members) == 3
    assert [(await joined).code for joined in waiting] == [Code.NONE] * 2


async def test_a_member_that_does_not_come_to_a_rebalance_is_left_behind(crew: Crew) -> None:
    """The others wait for it as long as the longest rebalance timeout of all, and no session."""
    leader, late = await crew.pair(rebalance_ms=1_000)
    joined = await (await crew.recruit(rebalance_ms=1_000)).enter()
    assert (joined.code, joined.generation) == (Code.NONE, 3)
    assert [member for member, *_ in joined.members] == [joined.member]
    assert {await leader.heartbeat(), await late.heartbeat()} == {Code.UNKNOWN_MEMBER_ID}


async def test_a_leader_that_does_not_assign_is_not_waited_for_for_ever(crew: Crew) -> None:
    """After its session there is a new generation without it, and the follower is told so by the answer to its sync."""
    leader = await crew.recruit(session_ms=SHORT_MS, rebalance_ms=1_000)
    follower = await crew.recruit(session_ms=20_000, rebalance_ms=1_000)
    await leader.alone()
    await follower.join()
    await rebalance(leader, follower)
    assert (await follower.sync())[0] == Code.REBALANCE_IN_PROGRESS
    joined = await follower.join()
    assert (joined.code, joined.leader) == (Code.NONE, follower.id)


async def test_a_join_whose_client_hung_up_is_forgotten_in_the_end(crew: Crew) -> None:
    """Its session runs from the answer that it never read."""
    leader = await (await crew.recruit()).alone()
    gone = await crew.recruit(session_ms=SHORT_MS, rebalance_ms=60_000)
    await gone.join()
    waiting = asyncio.create_task(gone.join())
    await has_rebalance(leader)
    waiting.cancel()
    await gone.wire.close()

    async def is_alone() -> bool:
        joined = await leader.join()
        return [member for member, *_ in joined.members] == [leader.id]

    await eventually_found(is_alone)


async def test_an_id_that_was_given_and_not_used_is_forgotten(crew: Crew) -> None:
    """A rebalance waits for who got it as for a member, for one session and no longer."""
    leader = await (await crew.recruit(rebalance_ms=60_000)).alone()
    hesitant = await crew.recruit(session_ms=SHORT_MS)
    await hesitant.join()
    joined = await leader.join()
    assert (joined.code, joined.generation, len(joined.members)) == (Code.NONE, 2, 1)
    assert (await hesitant.join()).code == Code.UNKNOWN_MEMBER_ID
