"""Groups as an operator sees them."""

from streamproc.embedded.codes import Code
from tests.contract.broker.crew import Crew
from tests.contract.broker.groups import GROUP, TRANSACTION, Described, coordinator, delete, describe, groups
from tests.contract.broker.member import Committed, Member, commit, committed, subscription
from tests.contract.broker.partition import Partition
from tests.contract.broker.wire import Wire


async def test_the_one_broker_coordinates_all(wire: Wire, bootstrap: str, topic_prefix: str) -> None:
    """Groups and transactions."""
    for kind in (GROUP, TRANSACTION):
        answer = await coordinator(wire, topic_prefix, kind)
        assert (answer.error_code, f"{answer.host}:{answer.port}") == (Code.NONE, bootstrap)
        assert answer.coordinator_id >= 0


async def test_an_unknown_kind_of_coordinator_is_refused(wire: Wire, topic_prefix: str) -> None:
    """There are two in the requests of these versions."""
    answer = await coordinator(wire, topic_prefix, 9)
    assert (answer.error_code, answer.coordinator_id) == (Code.INVALID_REQUEST, -1)


async def test_a_group_that_nobody_knows_is_dead(wire: Wire, topic_prefix: str) -> None:
    """Which is no error, except for one who wants to delete it."""
    assert await describe(wire, topic_prefix) == Described(Code.NONE, "Dead", "", "", [])
    assert await delete(wire, topic_prefix) == Code.GROUP_ID_NOT_FOUND


async def test_a_stable_group_tells_its_members(crew: Crew) -> None:
    """With their metadata and assignment."""
    member = await (await crew.recruit(protocols=[("range", subscription("a"))])).alone()
    state = await describe(member.wire, crew.group)
    assert state == Described(
        Code.NONE,
        "Stable",
        "consumer",
        "range",
        [(member.id, "contract", "/127.0.0.1", subscription("a"), b"all")],
    )


async def test_the_state_of_a_group_follows_its_members(crew: Crew) -> None:
    """Through a rebalance and to the leave of the last."""
    leader, other = await crew.pair()
    seen = [(await describe(leader.wire, crew.group)).state]
    assert await other.leave() == Code.NONE
    seen.append((await describe(leader.wire, crew.group)).state)
    assert await leader.leave() == Code.NONE
    seen.append((await describe(leader.wire, crew.group)).state)
    assert seen == ["Stable", "PreparingRebalance", "Empty"]


async def test_groups_are_listed(crew: Crew, partition: Partition, topic_prefix: str) -> None:
    """Those with members and those that only have offsets, which have no protocol."""
    member = await (await crew.recruit()).alone()
    simple = f"{topic_prefix}.simple"
    await commit(member.wire, simple, partition.topic, 1)
    listed = await groups(member.wire)
    assert (listed[crew.group], listed[simple]) == ("consumer", "")


async def test_only_an_empty_group_can_be_deleted(crew: Crew, partition: Partition) -> None:
    """Its offsets go with it."""
    member = await (await crew.recruit()).alone()
    await member.commit(partition.topic, 5)
    assert await delete(member.wire, crew.group) == Code.NON_EMPTY_GROUP
    await member.leave()
    assert await delete(member.wire, crew.group) == Code.NONE
    assert await delete(member.wire, crew.group) == Code.GROUP_ID_NOT_FOUND
    assert await committed(member.wire, crew.group, partition.topic) == Committed(-1, "")
    assert (await Member(member.wire, crew.group).enter()).generation == 1
