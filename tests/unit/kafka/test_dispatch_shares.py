"""Dispatch: no route and no tenant takes every slot, and turns go by weight."""

from collections import Counter

from streamproc.chain.plan import Choice, Plan
from streamproc.chain.run import Terminal
from streamproc.errors import NotNow
from streamproc.kafka.assignment import State
from streamproc.kafka.shares import Shares
from streamproc.observe.events import CallsHeld
from tests.fakes import NOW, a_request, eventually
from tests.unit.kafka.dispatch_rig import Rig, record


async def test_a_hanging_route_leaves_slots_for_others() -> None:
    """Its calls never end; requests to another model are answered one after the other all the same."""
    rig = Rig(10, routes=Shares(0.8, ["hangs", "other"]))
    hanging = [rig.put(offset, model="hangs") for offset in range(12)]
    rig.dispatch.start_ready()
    await rig.running(*range(8))
    for offset in range(12, 15):
        rig.put(offset, model="other")
    rig.dispatch.start_ready()
    for offset in range(12, 15):
        await rig.running(*range(8), offset)
        rig.work.processing[offset].set_result(Terminal((record("answered"),)))
    (first, *_) = rig.seen.of(CallsHeld)
    assert (first.provider, first.reason, first.tenant) == (hanging[0].provider.name, "share", None)
    rig.dispatch.stop()


async def test_a_route_at_its_share_goes_on_when_any_slot_is_free_again() -> None:
    """Whoever gave it back: what one may have depends on what all leave."""
    rig = Rig(5, routes=Shares(0.8, ["mine", "other"]))
    rig.put(0, model="other")
    for offset in range(1, 7):
        rig.put(offset, model="mine")
    rig.dispatch.start_ready()
    await rig.running(0, 1, 2, 3)
    rig.work.processing[0].set_result(Terminal(()))
    await rig.running(1, 2, 3, 4)
    rig.dispatch.stop()


async def test_a_tenant_at_its_share_leaves_the_rotation() -> None:
    """Another one on the same route is not held up by it."""
    rig = Rig(6, tenants=Shares(0.5))
    for offset in range(6):
        rig.put(offset, tenant="noisy")
    rig.put(6, tenant="quiet")
    rig.dispatch.start_ready()
    await rig.running(0, 1, 6)
    assert {held.tenant for held in rig.seen.of(CallsHeld)} == {"noisy"}
    rig.work.processing[6].set_result(Terminal(()))
    await rig.running(0, 1, 2)
    rig.dispatch.stop()


async def test_slots_are_counted_back_on_every_way_out() -> None:
    """An answer, a wait, a defect, a cut before the first step, a cancel; also where the route is another one by then."""
    rig = Rig(6, Shares(0.5, "ab"), Shares(0.5, "ab"))
    runs = [rig.put(offset, tenant=str(offset), model=str(offset)) for offset in range(5)]
    rig.dispatch.start_ready()
    await rig.running(*range(5))
    assert rig.slots.free == 1
    runs[0].follow(Plan.plain(Choice(runs[0].provider, "chosen anew")))
    rig.work.processing[0].set_result(Terminal(()))
    runs[1].not_before = NOW + 60
    rig.work.processing[1].set_exception(NotNow("no"))
    rig.work.processing[2].set_exception(ZeroDivisionError())
    rig.cancelled.add(runs[3].id)
    rig.dispatch.cancel()
    await rig.running(4)
    rig.put(6)
    rig.dispatch.start_ready()
    rig.owners[0].state = State.ENDED
    await rig.owners[0].cancel_running()
    assert (rig.slots.taken, rig.slots._routes._running, rig.slots._tenants._running) == (0, {}, {})


async def test_turns_follow_the_weights() -> None:
    """Of twelve slots nine are for the tenant that weighs three times as much."""
    rig = Rig(12)
    rig.weights["heavy"] = 3
    for offset in range(20):
        rig.put(offset, tenant="usual")
        rig.put(offset, 1, tenant="heavy")
    rig.dispatch.start_ready()
    assert Counter(run.tenant for run in rig.dispatch._tasks.values()) == {"heavy": 9, "usual": 3}
    await eventually(lambda: len(rig.work.order) == 12)
    rig.dispatch.stop()


async def test_a_higher_priority_takes_the_next_slot() -> None:
    """Before others of the same tenant that came earlier."""
    rig = Rig(1)
    for offset, priority in enumerate([None, 0, 9]):
        rig.put(offset, request=a_request(priority=priority))
    rig.dispatch.start_ready()
    for offset in (2, 0, 1):
        await rig.running(offset)
        rig.work.processing[offset].set_result(Terminal(()))
