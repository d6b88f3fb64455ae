"""How members stay, wait and go; Apache Kafka 4.1 was asked the same."""

import pytest

from streamproc.embedded.codes import Code
from streamproc.embedded.member import Joined
from streamproc.embedded.phases import NEW_MEMBER_SECONDS, State
from tests.unit.embedded.group_rig import REBALANCE, SESSION, GroupRig, join_of


@pytest.fixture
def rig() -> GroupRig:
    """Nobody has joined yet."""
    return GroupRig()


async def test_heartbeats(rig: GroupRig) -> None:
    """A heartbeat says when to join again; in CompletingRebalance it is one like others."""
    first, _ = rig.stable(join_of(), join_of())
    assert rig.heartbeat(first) is Code.NONE
    assert rig.group.heartbeat(first, rig.group.generation - 1) is Code.ILLEGAL_GENERATION
    newcomer = rig.new_id()
    assert rig.heartbeat(first) is Code.NONE
    rig.join(join_of(newcomer))
    assert rig.heartbeat(first) is Code.REBALANCE_IN_PROGRESS
    for member in rig.group.members:
        rig.join(join_of(member.id))
    assert rig.group.state is State.COMPLETING
    assert rig.heartbeat(first) is Code.NONE


async def test_session(rig: GroupRig) -> None:
    """Heartbeats and commits keep a member in; without them the others share its partitions."""
    first, second = rig.stable(join_of(session=1_000), join_of())
    rig.pass_time(SESSION - 1)
    assert rig.heartbeat(second) is Code.NONE
    rig.pass_time(SESSION - 1)
    assert rig.group.check_commit(second, rig.group.generation) is Code.NONE
    rig.pass_time(SESSION - 1)
    assert rig.group.state is State.STABLE
    rig.pass_time(1)
    assert rig.heartbeat(first) is Code.REBALANCE_IN_PROGRESS
    assert rig.heartbeat(second) is Code.UNKNOWN_MEMBER_ID


async def test_stable_group(rig: GroupRig) -> None:
    """No deadline moves a group whose members have all synced."""
    members = rig.stable(join_of(session=1_000), join_of(session=1_000))
    rig.pass_time(2 * REBALANCE)
    assert (rig.group.state, rig.group.generation, len(rig.group.members)) == (State.STABLE, 2, len(members))


async def test_leader_leaves(rig: GroupRig) -> None:
    """One of those who were there leads then, not a newcomer."""
    leader, second = rig.stable(join_of(), join_of())
    newcomer = rig.new_id()
    rig.group.leave(leader)
    rig.join(join_of(newcomer))
    assert rig.join(join_of(second)).result().leader_id == second


async def test_session_of_a_waiting_member(rig: GroupRig) -> None:
    """Who waits for others is not asked for heartbeats; its session begins anew with the answer."""
    first, second = rig.stable(join_of(), join_of(session=1_000))
    joining = rig.join(join_of(first))
    rig.pass_time(2 * SESSION)
    rig.join(join_of(second, session=1_000))
    assert joining.result().code is Code.NONE
    rig.pass_time(SESSION - 1)
    assert first in rig.group.members
    rig.pass_time(1)
    assert first not in rig.group.members


async def test_new_member_waits_too_long(rig: GroupRig) -> None:
    """A new member is let go after five minutes: its client may be gone, and it has no heartbeats yet."""
    first, _ = rig.stable(join_of(session=1_000, rebalance=1_000), join_of(session=1_000, rebalance=1_000))
    newcomer = rig.join(join_of(rig.new_id()))
    rig.join(join_of(first, session=1_000, rebalance=1_000))
    rig.pass_time(NEW_MEMBER_SECONDS - 1)
    assert not newcomer.done()
    rig.pass_time(1)
    assert newcomer.result() == Joined(Code.UNKNOWN_MEMBER_ID)


async def test_followers_wait_for_the_leader(rig: GroupRig) -> None:
    """A sync waits for the leader's; a member that the leader left out gets nothing; a late one gets its own."""
    first, second, third = rig.stable(join_of(), join_of(), join_of())
    joins = [rig.join(join_of(member_id)) for member_id in (first, second, third)]
    assert all(reply.result().generation == 3 for reply in joins)
    waiting = rig.sync(second)
    assert not waiting.done()
    assert rig.sync(first, {first: b"1", third: b"3"}).result() == (Code.NONE, b"1")
    assert waiting.result() == (Code.NONE, b"")
    assert rig.sync(third).result() == (Code.NONE, b"3")


async def test_refused_syncs(rig: GroupRig) -> None:
    """A sync must come from a member of this generation, and not while the next one gathers."""
    first, second = rig.stable(join_of(), join_of())
    assert rig.sync("stranger").result().code is Code.UNKNOWN_MEMBER_ID
    assert rig.sync(first, generation=7).result().code is Code.ILLEGAL_GENERATION
    rig.join(join_of(first))
    assert rig.sync(second).result().code is Code.REBALANCE_IN_PROGRESS


async def test_sync_phase_broken_off(rig: GroupRig) -> None:
    """When the leader goes before it has assigned, those who wait for it are sent back to join."""
    first, second = rig.stable(join_of(), join_of())
    rig.join(join_of(first))
    rig.join(join_of(second))
    waiting = rig.sync(second)
    assert rig.group.leave(first) is Code.NONE
    assert waiting.result() == (Code.REBALANCE_IN_PROGRESS, b"")


async def test_member_never_syncs(rig: GroupRig) -> None:
    """Who does not fetch its assignment within the rebalance timeout is out, though it sends heartbeats."""
    first, second = rig.stable(join_of(session=1_000), join_of(session=1_000))
    rig.join(join_of(first, session=1_000))
    rig.join(join_of(second, session=1_000))
    assert rig.sync(first, {}).result().code is Code.NONE
    rig.pass_time(REBALANCE)
    assert second not in rig.group.members
    assert rig.heartbeat(first) is Code.REBALANCE_IN_PROGRESS


async def test_client_gone_while_it_joins(rig: GroupRig) -> None:
    """Nobody sees that it is gone: it is part of the next generation, until its session ends."""
    (first,) = rig.stable(join_of(session=1_000))
    newcomer = rig.new_id()
    rig.join(join_of(newcomer)).cancel()
    assert rig.heartbeat(first) is Code.REBALANCE_IN_PROGRESS
    joining = rig.join(join_of(first, session=1_000))
    assert [member.member_id for member in joining.result().members] == [first, newcomer]
    assert rig.sync(first, {}).result().code is Code.NONE
    rig.pass_time(SESSION)
    assert [member.id for member in rig.group.members] == [first]


async def test_client_gone_while_it_syncs(rig: GroupRig) -> None:
    """The others get their assignments; it stays until its session ends."""
    first, second = rig.stable(join_of(session=1_000), join_of())
    rig.join(join_of(first, session=1_000))
    rig.join(join_of(second))
    rig.sync(second).cancel()
    assert rig.sync(first, {first: b"1"}).result() == (Code.NONE, b"1")
    assert second in rig.group.members
    rig.pass_time(SESSION)
    assert second not in rig.group.members


async def test_who_may_commit(rig: GroupRig) -> None:
    """Anybody while there are no members; then members of this generation, but not while partitions are dealt out."""
    commit = rig.group.check_commit
    assert commit("", -1) is Code.NONE
    assert commit("stranger", -1) is Code.NONE
    assert commit("", 0) is Code.UNKNOWN_MEMBER_ID
    first, second = rig.stable(join_of(), join_of())
    assert commit(first, 2) is Code.NONE
    assert commit("", -1) is Code.UNKNOWN_MEMBER_ID
    assert commit(first, -1) is Code.ILLEGAL_GENERATION
    assert commit(first, 1) is Code.ILLEGAL_GENERATION
    assert commit("stranger", 2) is Code.UNKNOWN_MEMBER_ID
    rig.join(join_of(first))
    assert commit(second, 2) is Code.NONE
    rig.join(join_of(second))
    assert commit(second, 2) is Code.ILLEGAL_GENERATION
    assert commit(second, 3) is Code.REBALANCE_IN_PROGRESS
