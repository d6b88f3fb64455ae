"""What members are answered, phase by phase; Apache Kafka 4.1 was asked the same."""

import pytest

from streamproc.embedded.codes import Code
from streamproc.embedded.member import Join, Joined, JoinedMember
from streamproc.embedded.phases import State
from tests.unit.embedded.group_rig import REBALANCE, SESSION, GroupRig, join_of


@pytest.fixture
def rig() -> GroupRig:
    """Nobody has joined yet."""
    return GroupRig()


async def test_first_member(rig: GroupRig) -> None:
    """A dynamic member is given an id, comes back with it, and leads generation 1, of which it alone is a member."""
    member_id = rig.new_id()
    answer = rig.join(join_of(member_id)).result()
    assert answer == Joined(Code.NONE, 1, "range", member_id, member_id, (JoinedMember(member_id, None, b"topics"),))
    assert rig.group.state is State.COMPLETING


async def test_id_never_used(rig: GroupRig) -> None:
    """An id that was given out is good for one session, and a join phase waits for it that long."""
    (leader,) = rig.stable(join_of(session=1_000))
    pending = rig.new_id()
    joining = rig.join(join_of(leader, session=1_000))
    rig.pass_time(SESSION - 1)
    assert not joining.done()
    rig.pass_time(1)
    assert joining.result().generation == 2
    assert rig.join(join_of(pending)).result() == Joined(Code.UNKNOWN_MEMBER_ID, member_id=pending)


async def test_id_given_back(rig: GroupRig) -> None:
    """Who leaves before it has joined holds up nobody."""
    (leader,) = rig.stable(join_of())
    pending = rig.new_id()
    joining = rig.join(join_of(leader))
    assert rig.group.leave(pending) is Code.NONE
    assert joining.result().generation == 2


async def test_pending_id_is_no_member(rig: GroupRig) -> None:
    """With an id alone nobody sends heartbeats or syncs, nor does it become a static member."""
    rig.stable(join_of())
    pending = rig.new_id()
    assert rig.heartbeat(pending) is Code.UNKNOWN_MEMBER_ID
    assert rig.sync(pending).result().code is Code.UNKNOWN_MEMBER_ID
    assert rig.join(join_of(pending, instance_id="one")).result().code is Code.UNKNOWN_MEMBER_ID


async def test_unknown_member(rig: GroupRig) -> None:
    """An id from elsewhere is refused, and named in the answer."""
    assert rig.join(join_of("stranger")).result() == Joined(Code.UNKNOWN_MEMBER_ID, member_id="stranger")
    assert rig.group.leave("stranger") is Code.UNKNOWN_MEMBER_ID


@pytest.mark.parametrize(
    "join",
    [join_of(protocol_type="connect"), join_of(protocols=(("sticky", b""),)), join_of(protocols=())],
    ids=["other type", "no common protocol", "no protocol"],
)
async def test_protocols_that_do_not_fit(rig: GroupRig, join: Join) -> None:
    """Nobody joins who cannot work with the others."""
    rig.stable(join_of())
    assert rig.join(join).result().code is Code.INCONSISTENT_GROUP_PROTOCOL


@pytest.mark.parametrize("join", [join_of(protocol_type=""), join_of(protocols=())], ids=["no type", "no protocol"])
async def test_nothing_to_work_with(rig: GroupRig, join: Join) -> None:
    """The first member has to name a type and a protocol."""
    assert rig.join(join).result().code is Code.INCONSISTENT_GROUP_PROTOCOL


async def test_votes(rig: GroupRig) -> None:
    """Of the protocols that all know, the one is taken that most of them like best."""
    a, b, c = (("p1", b"1a"), ("p2", b"2a")), (("p2", b"2b"), ("p1", b"1b")), (("p4", b""), ("p2", b"2c"), ("p1", b""))
    ids = rig.stable(join_of(protocols=a), join_of(protocols=b), join_of(protocols=c))
    joins = [rig.join(join_of(member_id, protocols=known)) for member_id, known in zip(ids, (a, b, c), strict=True)]
    answer = joins[0].result()
    assert (answer.protocol, [member.metadata for member in answer.members]) == ("p2", [b"2a", b"2b", b"2c"])


async def test_protocols_after_the_others_left(rig: GroupRig) -> None:
    """What only those knew who have left is forgotten, whichever way they left."""
    both, old = (("new", b""), ("old", b"")), (("old", b""),)
    first, second, third = rig.stable(
        join_of(protocols=both, session=1_000),
        join_of(protocols=old),
        join_of(protocols=old, session=1_000, rebalance=20),
    )
    rig.pass_time(SESSION)
    assert second not in rig.group.members
    joining = rig.join(join_of(first, protocols=both, session=1_000, rebalance=20))
    rig.pass_time(REBALANCE)
    assert third not in rig.group.members
    assert joining.result().protocol == "new"


async def test_waits_for_the_slowest(rig: GroupRig) -> None:
    """A join phase lasts as long as the largest rebalance timeout; then those who did not come are out."""
    first, second = rig.stable(join_of(session=1_000), join_of(session=1_000, rebalance=2 * REBALANCE))
    joining = rig.join(join_of(first, session=1_000))
    rig.pass_time(2 * REBALANCE - 1)
    assert not joining.done()
    rig.pass_time(1)
    assert [member.member_id for member in joining.result().members] == [first]
    assert rig.heartbeat(second) is Code.UNKNOWN_MEMBER_ID


async def test_leader_does_not_come(rig: GroupRig) -> None:
    """Another member leads in its place."""
    leader, second = rig.stable(join_of(session=1_000), join_of(session=1_000))
    joining = rig.join(join_of(second, session=1_000, protocols=(("range", b"more"),)))
    rig.pass_time(REBALANCE)
    assert joining.result().leader_id == second
    assert leader not in rig.group.members


async def test_rejoin_without_news(rig: GroupRig) -> None:
    """A follower that missed the answer gets it once more; nobody else is disturbed."""
    leader, follower = rig.stable(join_of(), join_of())
    again = rig.join(join_of(follower)).result()
    assert again == Joined(Code.NONE, 2, "range", leader, follower)
    assert rig.group.state is State.STABLE
    for member_id in (leader, follower):
        joining = rig.join(join_of(member_id))
    again = rig.join(join_of(leader)).result()
    assert (again.generation, len(again.members)) == (3, 2)
    assert joining.result().generation == 3


@pytest.mark.parametrize("who", [0, 1], ids=["leader", "follower with other metadata"])
async def test_rejoin_with_news(rig: GroupRig, who: int) -> None:
    """The leader may always ask for a new assignment; a follower asks for it by saying something new."""
    ids = rig.stable(join_of(), join_of())
    metadata = (b"topics", b"other")[who]
    rig.join(join_of(ids[who], protocols=(("range", metadata),)))
    assert rig.heartbeat(ids[1 - who]) is Code.REBALANCE_IN_PROGRESS


async def test_last_member_leaves(rig: GroupRig) -> None:
    """The group is empty then, counts on, and has its next member start at once."""
    (member,) = rig.stable(join_of())
    assert rig.group.leave(member) is Code.NONE
    assert (rig.group.state, rig.group.generation, rig.timers.waiting) == (State.EMPTY, 2, 0)
    rig.stable(join_of(protocols=(("sticky", b""),), protocol_type="other"))
    assert rig.group.generation == 3
