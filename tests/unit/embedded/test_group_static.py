"""Static members: a name that outlives its process, and gives no rebalance when it comes back (KIP-345)."""

import pytest

from streamproc.embedded.codes import Code
from streamproc.embedded.member import Joined
from streamproc.embedded.phases import State
from tests.unit.embedded.group_rig import REBALANCE, SESSION, GroupRig, join_of

_LONG = 1_000.0


@pytest.fixture
def rig() -> GroupRig:
    """Nobody has joined yet."""
    return GroupRig()


async def test_joins_at_once(rig: GroupRig) -> None:
    """A static member needs no id beforehand; a lost answer leaves nobody behind, since its name is known."""
    answer = rig.join(join_of(instance_id="one")).result()
    assert answer.members == (("one-1", "one", b"topics"),)


async def test_comes_back(rig: GroupRig) -> None:
    """It gets a new id and its former assignment, and nobody else hears of it; its former self is turned away."""
    leader, former = rig.stable(join_of(), join_of(instance_id="one"))
    answer = rig.join(join_of(instance_id="one")).result()
    assert answer == Joined(Code.NONE, 2, "range", leader, "one-3")
    assert rig.sync("one-3", instance_id="one").result() == (Code.NONE, former.encode())
    assert rig.heartbeat(leader) is Code.NONE

    assert rig.heartbeat(former) is Code.UNKNOWN_MEMBER_ID
    assert rig.group.check_commit(former, 2) is Code.UNKNOWN_MEMBER_ID
    assert rig.sync(former).result().code is Code.UNKNOWN_MEMBER_ID
    assert rig.sync(former, instance_id="one").result().code is Code.FENCED_INSTANCE_ID
    fenced = Joined(Code.FENCED_INSTANCE_ID, member_id=former)
    assert rig.join(join_of(former, instance_id="one")).result() == fenced


async def test_leader_comes_back(rig: GroupRig) -> None:
    """It is not told that it leads, so it assigns nothing; but the lead stays with it."""
    leader, other = rig.stable(join_of(instance_id="one"), join_of())
    answer = rig.join(join_of(instance_id="one")).result()
    assert answer == Joined(Code.NONE, 2, "range", leader, "one-3")
    assert rig.sync("one-3", {"one-3": b"mine"}, instance_id="one").result() == (Code.NONE, leader.encode())
    assert rig.group.members.leader_id == "one-3"
    rig.join(join_of("one-3", instance_id="one"))
    assert rig.heartbeat(other) is Code.REBALANCE_IN_PROGRESS


async def test_comes_back_with_other_metadata(rig: GroupRig) -> None:
    """As long as the protocol stays the same, this gives no rebalance either; another protocol does."""
    both, changed = (("range", b"old"), ("sticky", b"")), (("range", b"new"), ("sticky", b""))
    leader, _ = rig.stable(join_of(protocols=both), join_of(instance_id="one", protocols=both))
    assert rig.join(join_of(instance_id="one", protocols=changed)).result().generation == 2
    assert rig.group.state is State.STABLE
    joining = rig.join(join_of(instance_id="one", protocols=changed[1:]))
    assert not joining.done()
    assert rig.heartbeat(leader) is Code.REBALANCE_IN_PROGRESS


async def test_session_of_the_former_self(rig: GroupRig) -> None:
    """It ends with the replacement; the new one has its own."""
    leader, _ = rig.stable(join_of(session=_LONG), join_of(instance_id="one"))
    rig.pass_time(SESSION - 1)
    rig.join(join_of(instance_id="one"))
    rig.pass_time(SESSION - 1)
    assert rig.heartbeat(leader) is Code.NONE
    rig.pass_time(1)
    assert rig.heartbeat(leader) is Code.REBALANCE_IN_PROGRESS


async def test_replaced_while_it_waits(rig: GroupRig) -> None:
    """Its former self's join or sync is fenced, and in a sync phase the members join anew: ids have changed."""
    (leader,) = rig.stable(join_of())
    first = rig.join(join_of(instance_id="one"))
    second = rig.join(join_of(instance_id="one"))
    assert first.result() == Joined(Code.FENCED_INSTANCE_ID, member_id="one-2")
    rig.join(join_of(leader))
    assert second.result().generation == 2
    syncing = rig.sync("one-3", instance_id="one")
    third = rig.join(join_of(instance_id="one"))
    assert syncing.result().code is Code.FENCED_INSTANCE_ID
    assert rig.heartbeat(leader) is Code.REBALANCE_IN_PROGRESS
    rig.join(join_of(leader))
    assert third.result().generation == 3


async def test_does_not_come_to_a_join_phase(rig: GroupRig) -> None:
    """It stays and may be assigned to, until it has missed the sync as well."""
    leader, absent = rig.stable(join_of(session=_LONG), join_of(instance_id="one", session=_LONG))
    joining = rig.join(join_of(leader, session=_LONG))
    rig.pass_time(REBALANCE)
    assert [member.member_id for member in joining.result().members] == [leader, absent]
    rig.sync(leader, {absent: b"late"})
    assert rig.sync(absent, instance_id="one").result() == (Code.NONE, b"late")
    joining = rig.join(join_of(leader, session=_LONG))
    rig.pass_time(REBALANCE)
    rig.sync(leader)
    rig.pass_time(REBALANCE)
    assert [member.id for member in rig.group.members] == [leader]


async def test_nobody_comes_to_a_join_phase(rig: GroupRig) -> None:
    """With static members only, the phase lasts until one comes, or their sessions end."""
    first, second = rig.stable(join_of(instance_id="one", session=_LONG), join_of(instance_id="two", session=100))
    rig.join(join_of(rig.new_id(), session=_LONG))
    rig.group.leave("app-3")
    rig.pass_time(REBALANCE)
    assert (rig.group.state, rig.group.generation) == (State.PREPARING, 2)
    rig.pass_time(100)
    assert second not in rig.group.members
    assert rig.join(join_of(first, instance_id="one", session=_LONG)).result().generation == 3


async def test_nobody_comes_in_time(rig: GroupRig) -> None:
    """Then the phase is as long again, and goes on with the one that came meanwhile."""
    _, second = rig.stable(join_of(instance_id="one", session=_LONG), join_of(instance_id="two", session=_LONG))
    rig.join(join_of(rig.new_id(), session=_LONG))
    rig.group.leave("app-3")
    rig.pass_time(REBALANCE)
    joining = rig.join(join_of(second, instance_id="two", session=_LONG))
    rig.pass_time(REBALANCE - 1)
    assert not joining.done()
    rig.pass_time(1)
    assert joining.result().leader_id == second


async def test_absent_leader(rig: GroupRig) -> None:
    """It stays a member, but somebody who is there has to make the assignment."""
    leader, other = rig.stable(join_of(instance_id="one", session=_LONG), join_of(session=_LONG))
    joining = rig.join(join_of(other, session=_LONG, protocols=(("range", b"more"),)))
    rig.pass_time(REBALANCE)
    answer = joining.result()
    assert (answer.leader_id, [member.member_id for member in answer.members]) == (other, [leader, other])


async def test_name_of_another(rig: GroupRig) -> None:
    """A member cannot take the name of another one, nor one that nobody has."""
    first, _ = rig.stable(join_of(instance_id="one"), join_of(instance_id="two"))
    assert rig.join(join_of(first, instance_id="two")).result().code is Code.FENCED_INSTANCE_ID
    assert rig.join(join_of(first, instance_id="three")).result().code is Code.UNKNOWN_MEMBER_ID


async def test_leaves_by_id(rig: GroupRig) -> None:
    """It goes like any other when it says so, and its name is free again."""
    leader, member = rig.stable(join_of(), join_of(instance_id="one"))
    assert rig.group.leave(member) is Code.NONE
    assert rig.heartbeat(leader) is Code.REBALANCE_IN_PROGRESS
    rig.join(join_of(leader))
    rig.sync(leader)
    assert not rig.join(join_of(instance_id="one")).done()


async def test_joins_again_without_its_name(rig: GroupRig) -> None:
    """It keeps the name. Once it lost it then, and the group fell over its own records when the member was gone."""
    (member,) = rig.stable(join_of(instance_id="one"))
    rig.join(join_of(member))
    rig.group.leave(member)
    assert rig.join(join_of(instance_id="one")).result().members == (("one-2", "one", b"topics"),)
