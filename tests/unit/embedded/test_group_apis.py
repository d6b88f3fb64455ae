"""The APIs of groups, from decoded request to encoded answer."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka.protocol.admin import ListGroupsRequest_v1
from aiokafka.protocol.commit import OffsetCommitRequest_v3, OffsetFetchRequest_v3
from aiokafka.protocol.coordination import FindCoordinatorRequest_v1
from aiokafka.protocol.group import (
    HeartbeatRequest_v1,
    JoinGroupRequest_v5,
    LeaveGroupRequest_v1,
    SyncGroupRequest_v3,
)

from streamproc.embedded.apis import (
    delete_groups,
    describe_groups,
    find_coordinator,
    heartbeat,
    join_group,
    leave_group,
    list_groups,
    offset_commit,
    offset_fetch,
    sync_group,
)
from streamproc.embedded.cluster import Client, Cluster
from streamproc.embedded.codes import Code
from streamproc.embedded.faults import Fault, Faults
from streamproc.embedded.groups import Groups
from streamproc.embedded.offsets import Committed
from tests.unit.embedded.transaction_rig import Timers

CLIENT = Client("app", "127.0.0.1")
ALL = -2_147_483_648


class _Topics:
    def log(self, topic: str, partition: int) -> object | None:
        return object() if topic == "in" and partition in {0, 1} else None


@pytest.fixture
def cluster() -> Cluster:
    """A node that has the topic `in` with two partitions."""
    fields = {"host": "here", "port": 9, "topics": _Topics(), "groups": Groups(Timers().call_later), "faults": Faults()}
    return cast("Cluster", SimpleNamespace(**fields))


async def _ask(api: Any, cluster: Cluster, *fields: Any) -> tuple[Any, ...]:
    """Sends the fields over the wire and back, without the throttle time."""
    request = api.REQUESTS[0]
    answer = await api.answer(cluster, CLIENT, request.decode(request(*fields).encode()))
    response = request.RESPONSE_TYPE.decode(request.RESPONSE_TYPE(*answer).encode())
    throttle, *rest = (getattr(response, name) for name in response.SCHEMA.names)
    assert throttle == 0
    return tuple(rest)


async def _member(cluster: Cluster) -> str:
    """Makes the client the only member of `readers`, in generation 1."""
    join = ("readers", 10_000, 60_000, "{}", None, "consumer", [("range", b"in")])
    *_, member_id, _ = await _ask(join_group, cluster, *join[:3], "", *join[4:])
    code, *_ = await _ask(join_group, cluster, *join[:3], member_id, *join[4:])
    assert code == Code.NONE
    assert await _ask(sync_group, cluster, "readers", 1, member_id, None, [(member_id, b"all")]) == (0, b"all")
    return cast("str", member_id)


@pytest.mark.parametrize("kind", [0, 1], ids=["group", "transaction"])
async def test_find_coordinator(cluster: Cluster, kind: int) -> None:
    """It is this node for everything, also for an empty key."""
    assert await _ask(find_coordinator, cluster, "", kind) == (Code.NONE, "NONE", 1, "here", 9)


async def test_find_coordinator_of_something_else(cluster: Cluster) -> None:
    """There are groups and transactions only."""
    assert await _ask(find_coordinator, cluster, "x", 2) == (Code.INVALID_REQUEST, "INVALID_REQUEST", -1, "", -1)


async def test_life_of_a_member(cluster: Cluster) -> None:
    """Join, sync, heartbeat, leave."""
    member_id = await _member(cluster)
    assert await _ask(heartbeat, cluster, "readers", 1, member_id) == (Code.NONE,)
    assert await _ask(leave_group, cluster, "readers", member_id) == (Code.NONE,)
    assert await _ask(heartbeat, cluster, "readers", 1, member_id) == (Code.UNKNOWN_MEMBER_ID,)


async def test_answer_that_waits(cluster: Cluster) -> None:
    """A join waits for the members that are there; a client that hangs up meanwhile does no harm."""
    member_id = await _member(cluster)
    join = ("readers", 10_000, 60_000, "second", "consumer", [("range", b"in")])
    waiting = asyncio.create_task(_ask(join_group, cluster, *join[:3], "", *join[3:]))
    await asyncio.sleep(0)
    assert await _ask(heartbeat, cluster, "readers", 1, member_id) == (Code.REBALANCE_IN_PROGRESS,)
    waiting.cancel()
    await asyncio.wait([waiting])
    code, generation, *_, members = await _ask(join_group, cluster, *join[:3], member_id, None, *join[4:])
    assert (code, generation, len(members)) == (Code.NONE, 2, 2)


async def test_empty_group_id(cluster: Cluster) -> None:
    """Members need a group with a name; offsets do not, as on Kafka.

    SyncGroup once said otherwise than the other two as soon as offsets had been committed under the empty id.
    """
    code, *_, member_id, _ = await _ask(join_group, cluster, "", 10_000, 1, "me", None, "consumer", [("range", b"")])
    assert (code, member_id) == (Code.INVALID_GROUP_ID, "me")
    assert await _ask(sync_group, cluster, "", 1, "me", None, []) == (Code.INVALID_GROUP_ID, b"")
    assert await _ask(heartbeat, cluster, "", 1, "me") == (Code.INVALID_GROUP_ID,)
    assert await _ask(leave_group, cluster, "", "me") == (Code.INVALID_GROUP_ID,)
    assert await _ask(offset_commit, cluster, "", -1, "", -1, [("in", [(0, 5, "")])]) == ([("in", [(0, Code.NONE)])],)
    assert await _ask(sync_group, cluster, "", 1, "me", None, []) == (Code.INVALID_GROUP_ID, b"")


async def test_group_that_is_not_there(cluster: Cluster) -> None:
    """Nobody is a member of it, and none of the questions makes it."""
    assert await _ask(sync_group, cluster, "no", 1, "me", None, []) == (Code.UNKNOWN_MEMBER_ID, b"")
    assert await _ask(heartbeat, cluster, "no", 1, "me") == (Code.UNKNOWN_MEMBER_ID,)
    assert await _ask(leave_group, cluster, "no", "me") == (Code.UNKNOWN_MEMBER_ID,)
    assert await _ask(offset_commit, cluster, "no", 1, "me", -1, [("in", [(0, 5, "")])]) == (
        [("in", [(0, Code.ILLEGAL_GENERATION)])],
    )
    assert await _ask(offset_fetch, cluster, "no", None) == ([], Code.NONE)
    assert await _ask(describe_groups, cluster, ["no"], False) == ([(Code.NONE, "no", "Dead", "", "", [], ALL)],)
    assert await _ask(delete_groups, cluster, ["no"]) == ([("no", Code.GROUP_ID_NOT_FOUND)],)
    assert await _ask(list_groups, cluster) == (Code.NONE, [])


async def test_commit_per_partition(cluster: Cluster) -> None:
    """What is wrong with one partition does not keep the others from being stored."""
    partitions = [(0, 5, "m" * 4_096), (1, 6, "m" * 4_097), (2, 7, "")]
    topics = [("in", partitions), ("no", [(0, 8, "")])]
    assert await _ask(offset_commit, cluster, "readers", -1, "", -1, topics) == (
        [
            ("in", [(0, Code.NONE), (1, Code.OFFSET_METADATA_TOO_LARGE), (2, Code.UNKNOWN_TOPIC_OR_PARTITION)]),
            ("no", [(0, Code.UNKNOWN_TOPIC_OR_PARTITION)]),
        ],
    )
    assert list(cluster.groups.offsets("readers")) == [("in", 0, Committed(5, "m" * 4_096))]


async def test_refused_commit(cluster: Cluster) -> None:
    """Who is no member of this generation stores nothing."""
    member_id = await _member(cluster)
    for generation, who, code in ((-1, "", Code.UNKNOWN_MEMBER_ID), (0, member_id, Code.ILLEGAL_GENERATION)):
        answer = await _ask(offset_commit, cluster, "readers", generation, who, -1, [("in", [(0, 5, "")])])
        assert answer == ([("in", [(0, code)])],)
    assert cluster.groups.offsets("readers").is_empty


async def test_fetch(cluster: Cluster) -> None:
    """What was not committed is -1; without topics, all is shown that was. A transaction's offsets are not."""
    await _ask(offset_commit, cluster, "readers", -1, "", -1, [("in", [(0, 5, None)])])
    cluster.groups.offsets("readers").hold(7, "in", 1, Committed(9, "held"))
    fetched = await _ask(offset_fetch, cluster, "readers", [("in", [1, 0]), ("no", [3])])
    nothing = (-1, "", Code.NONE)
    assert fetched == ([("in", [(1, *nothing), (0, 5, "", Code.NONE)]), ("no", [(3, *nothing)])], Code.NONE)
    assert await _ask(offset_fetch, cluster, "readers", None) == ([("in", [(0, 5, "", Code.NONE)])], Code.NONE)
    assert await _ask(offset_fetch, cluster, "readers", []) == ([], Code.NONE)


async def test_list_and_describe(cluster: Cluster) -> None:
    """Metadata and protocol are shown in a stable group only."""
    member_id = await _member(cluster)
    await _ask(offset_commit, cluster, "simple", -1, "", -1, [("in", [(0, 5, "")])])
    assert await _ask(list_groups, cluster) == (Code.NONE, [("readers", "consumer"), ("simple", "")])
    member = (member_id, "app", "/127.0.0.1", b"in", b"all")
    assert await _ask(describe_groups, cluster, ["readers", "simple"], True) == (
        [
            (Code.NONE, "readers", "Stable", "consumer", "range", [member], 3_400),
            (Code.NONE, "simple", "Empty", "", "", [], 3_400),
        ],
    )
    await _ask(join_group, cluster, "readers", 10_000, 60_000, member_id, None, "consumer", [("range", b"in")])
    member = (member_id, "app", "/127.0.0.1", b"", b"all")
    assert await _ask(describe_groups, cluster, ["readers"], False) == (
        [(Code.NONE, "readers", "CompletingRebalance", "consumer", "", [member], ALL)],
    )


async def test_delete(cluster: Cluster) -> None:
    """A group with members stays."""
    await _member(cluster)
    await _ask(offset_commit, cluster, "simple", -1, "", -1, [("in", [(0, 5, "")])])
    assert await _ask(delete_groups, cluster, ["readers", "simple"]) == (
        [("readers", Code.NON_EMPTY_GROUP), ("simple", Code.NONE)],
    )
    assert await _ask(list_groups, cluster) == (Code.NONE, [("readers", "consumer")])


FAULTY = Code.COORDINATOR_NOT_AVAILABLE


@pytest.mark.parametrize(
    ("api", "fields", "answer"),
    [
        (find_coordinator, ("readers", 0), (FAULTY, FAULTY.name, -1, "", -1)),
        (join_group, ("readers", 1, 1, "me", None, "consumer", []), (FAULTY, -1, "", "", "me", [])),
        (sync_group, ("readers", 1, "me", None, []), (FAULTY, b"")),
        (heartbeat, ("readers", 1, "me"), (FAULTY,)),
        (leave_group, ("readers", "me"), (FAULTY,)),
        (offset_commit, ("readers", -1, "", -1, [("in", [(0, 5, "")])]), ([("in", [(0, FAULTY)])],)),
        (offset_fetch, ("readers", [("in", [0])]), ([("in", [(0, -1, "", FAULTY)])], Code.NONE)),
        (list_groups, (), (FAULTY, [])),
        (describe_groups, (["readers"], False), ([(FAULTY, "readers", "", "", "", [], ALL)],)),
        (delete_groups, (["readers"],), ([("readers", FAULTY)],)),
    ],
)
async def test_fault(cluster: Cluster, api: Any, fields: tuple[Any, ...], answer: tuple[Any, ...]) -> None:
    """A fault stands in the answer, and nothing is done."""
    cluster.faults.add(Fault(api.NAME, error=FAULTY))
    assert await _ask(api, cluster, *fields) == answer
    assert await _ask(list_groups, cluster) == (Code.NONE, [])


def test_names() -> None:
    """Names are those of aiokafka's structs, which are Kafka's."""
    structs = {
        find_coordinator: FindCoordinatorRequest_v1,
        join_group: JoinGroupRequest_v5,
        sync_group: SyncGroupRequest_v3,
        heartbeat: HeartbeatRequest_v1,
        leave_group: LeaveGroupRequest_v1,
        offset_commit: OffsetCommitRequest_v3,
        offset_fetch: OffsetFetchRequest_v3,
        list_groups: ListGroupsRequest_v1,
    }
    for api, struct in structs.items():
        assert [struct] == [*api.REQUESTS]
        assert struct.__name__.startswith(f"{api.NAME}Request")
