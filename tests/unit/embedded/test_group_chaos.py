"""Members that come, change, freeze and die in any order leave a group that still works."""

import asyncio
import random

import pytest

from streamproc.embedded.codes import Code
from streamproc.embedded.member import Joined
from streamproc.embedded.phases import State
from tests.unit.embedded.group_rig import GroupRig, join_of

PROTOCOLS = ((("old", b""),), (("new", b""), ("old", b"")), (("old", b"x"), ("odd", b"")))


class Crowd:
    """Clients that do the right thing now and then."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.rig = GroupRig()
        self.joins: list[asyncio.Future[Joined]] = []
        self.ids: list[str] = []

    def step(self) -> None:
        self.random.choice(
            [self.come, self.come_back, self.rejoin, self.sync, self.beat, self.vanish, self.leave, self.wait]
        )()
        for reply in [reply for reply in self.joins if reply.done()]:
            self.joins.remove(reply)
            if not reply.cancelled() and reply.result().member_id:
                self.ids.append(reply.result().member_id)

    def _join(self, member_id: str, instance_id: str | None) -> None:
        protocols = self.random.choice(PROTOCOLS)
        join = join_of(member_id, instance_id=instance_id, protocols=protocols, rebalance=self.random.choice([5, 20]))
        self.joins.append(self.rig.join(join))

    def _somebody(self) -> str:
        return self.random.choice(self.ids) if self.ids else "nobody"

    def come(self) -> None:
        self._join("", None)

    def come_back(self) -> None:
        self._join("", self.random.choice(["one", "two"]))

    def rejoin(self) -> None:
        self._join(self._somebody(), None)

    def sync(self) -> None:
        for member in self.rig.group.members:
            if self.random.random() < 0.7:
                self.rig.sync(member.id)

    def beat(self) -> None:
        for member in self.rig.group.members:
            self.rig.heartbeat(member.id)

    def vanish(self) -> None:
        if self.joins:
            self.random.choice(self.joins).cancel()

    def leave(self) -> None:
        self.rig.group.leave(self._somebody())

    def wait(self) -> None:
        self.rig.pass_time(self.random.choice([1, 5, 30]))


@pytest.mark.parametrize("seed", range(60))
async def test_any_order(seed: int) -> None:
    """Nobody who has gone leaves a trace.

    Another fake broker counted protocols as members came and went; under kill and freeze the counts drifted, every
    join was refused, and in the end it crashed. Here each generation's protocol is known to all, and when everybody
    has fallen silent the group is empty, nothing is planned, and anybody can join with whatever protocol.
    """
    crowd = Crowd(seed)
    group = crowd.rig.group
    for _ in range(300):
        crowd.step()
        assert group.state is State.PREPARING or (group.state is State.EMPTY) == (len(group.members) == 0)
        if group.state in {State.COMPLETING, State.STABLE}:
            assert all(group.protocol in dict(member.join.protocols) for member in group.members)
            assert (group.members.leader_id or "none") in group.members
    crowd.rig.pass_time(2_000)
    assert (group.state, len(group.members), crowd.rig.timers.waiting) == (State.EMPTY, 0, 0)
    assert all(reply.done() for reply in crowd.joins)
    newcomer = join_of(crowd.rig.new_id(join_of(protocols=(("fresh", b""),))), protocols=(("fresh", b""),))
    assert crowd.rig.join(newcomer).result().code is Code.NONE
