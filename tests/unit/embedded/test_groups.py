"""All groups together: who may join at all, and what can be found and deleted."""

import asyncio

import pytest

from streamproc.embedded.codes import Code
from streamproc.embedded.groups import Groups
from streamproc.embedded.member import Join
from streamproc.embedded.offsets import Committed
from tests.unit.embedded.group_rig import SESSION, join_of
from tests.unit.embedded.transaction_rig import Timers


@pytest.fixture
def timers() -> Timers:
    """Time stands still."""
    return Timers()


@pytest.fixture
def groups(timers: Timers) -> Groups:
    """There is none yet."""
    return Groups(timers.call_later, min_session_seconds=6)


def _join(groups: Groups, join: Join) -> str:
    reply = asyncio.get_running_loop().create_future()
    groups.group("readers").join(join, reply)
    member_id: str = reply.result().member_id
    return member_id


@pytest.mark.parametrize(
    ("group_id", "join", "code"),
    [
        ("readers", join_of(), Code.NONE),
        ("", join_of(), Code.INVALID_GROUP_ID),
        ("readers", join_of(session=5.999), Code.INVALID_SESSION_TIMEOUT),
        ("readers", join_of(session=6), Code.NONE),
        ("readers", join_of(session=1_800), Code.NONE),
        ("readers", join_of(session=1_800.001), Code.INVALID_SESSION_TIMEOUT),
        ("readers", join_of("somebody"), Code.UNKNOWN_MEMBER_ID),
    ],
)
def test_check_join(groups: Groups, group_id: str, join: Join, code: Code) -> None:
    """A join needs a group id and a session timeout within bounds; with a member id, also the group."""
    assert groups.check_join(group_id, join) is code


async def test_known_groups(groups: Groups, timers: Timers) -> None:
    """A group is there when somebody joins or commits; asking for its offsets alone does not make it."""
    groups.offsets("looked at")
    groups.offsets("committed").commit("in", 0, Committed(5, ""))
    groups.offsets("held").hold(7, "in", 0, Committed(5, ""))
    _join(groups, join_of())
    assert [group_id for group_id, _ in groups] == ["committed", "held", "readers"]
    assert groups.find("looked at") is None
    groups.offsets("held").resolve(7, commit=False)
    timers.pass_time(SESSION)
    assert [group_id for group_id, _ in groups] == ["committed"]


async def test_delete(groups: Groups, timers: Timers) -> None:
    """Only a group without members goes, and with it all it knew: offsets, generation, sessions of ids given out."""
    assert groups.delete("readers") is Code.GROUP_ID_NOT_FOUND
    member_id = _join(groups, join_of())
    _join(groups, join_of(member_id))
    groups.offsets("readers").commit("in", 0, Committed(5, ""))
    assert groups.delete("readers") is Code.NON_EMPTY_GROUP
    groups.group("readers").leave(member_id)
    _join(groups, join_of())
    assert groups.delete("readers") is Code.NONE
    assert (groups.find("readers"), timers.waiting) == (None, 0)
    assert groups.offsets("readers").committed("in", 0) is None
    assert groups.group("readers").generation == 0


def test_deleted_topic(groups: Groups) -> None:
    """No group has offsets of it any more."""
    groups.offsets("readers").commit("in", 0, Committed(5, ""))
    groups.forget_topic("in")
    assert groups.offsets("readers").is_empty
