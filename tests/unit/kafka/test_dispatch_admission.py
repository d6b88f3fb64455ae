"""Dispatch: a run takes a slot only when it may call, and holds up nobody else while it may not."""

import asyncio

from streamproc.chain.admission import Admission
from streamproc.chain.breaker import BreakerRules
from streamproc.chain.limits import LimitRules
from streamproc.chain.permit import Ask, NotBefore, Permit
from streamproc.chain.plan import Choice, Plan
from streamproc.chain.run import Run, Terminal
from streamproc.chain.tenants import Tenants
from streamproc.errors import NotNow
from streamproc.kafka.assignment import State
from streamproc.money.room import Room
from streamproc.providers.scripted import Scripted
from tests.fakes import NOW, Seen, scripted
from tests.unit.kafka.dispatch_rig import Rig

FULL = NotBefore(0.25, "concurrency", is_tenant=False)
AWAY = NotBefore(30.0, "breaker", is_tenant=False)
OWN_LIMIT = NotBefore(5.0, "requests", is_tenant=True)


def with_permits(rig: Rig, most: int) -> Admission:
    """Work that admits so many calls at a time."""
    rules = {"main": LimitRules(max_concurrent=most)}
    admission = Admission("p", rules, Tenants({}), BreakerRules(), rig.clock, Seen())

    def admit(run: Run) -> NotBefore | None:
        verdict = admission.admit(Ask(run.model, run.tenant, 1))
        if isinstance(verdict, Permit):
            run.progress.permit = verdict
            return None
        return verdict

    rig.work.admit = admit  # type: ignore[method-assign] # the rig's work with real permits
    return admission


def running(admission: Admission) -> int:
    """Calls that hold a permit."""
    return sum(standing.concurrency.running for standing in admission.standings())


async def test_a_route_that_may_not_call_takes_no_slot_and_holds_up_no_other(rig: Rig) -> None:
    """Its runs stay queued, and it is asked once, not for each of them."""
    for offset in range(5):
        rig.put(offset, model="away")
    rig.put(5)
    rig.work.held["away"] = AWAY
    rig.dispatch.start_ready()
    await rig.running(5)
    assert (rig.dispatch.queues.ready, rig.work.asked.count(0), sorted(rig.work.asked)) == (5, 1, [0, 5])
    rig.dispatch.start_ready()
    assert len(rig.work.asked) == 2


async def test_it_is_asked_again_at_its_time_by_itself(rig: Rig) -> None:
    """A timer; whoever came first is first."""
    for offset in range(2):
        rig.put(offset, model="away")
    rig.work.held["away"] = NotBefore(0.02, "breaker", is_tenant=False)
    rig.dispatch.start_ready()
    await asyncio.sleep(0)
    assert rig.work.order == []
    del rig.work.held["away"]
    rig.clock.now += 0.02
    await rig.running(0, 1)
    assert rig.work.order == [0, 1]


async def test_a_hold_goes_with_the_last_run_that_met_it(rig: Rig) -> None:
    """Its sender cancelled it: the next one of the route is asked at once, and not when the hold would have ended."""
    rig.work.held["away"] = AWAY
    cancelled = rig.put(0, model="away")
    rig.dispatch.start_ready()
    rig.cancelled.add(cancelled.id)
    rig.dispatch.cancel()
    del rig.work.held["away"]
    rig.put(1, model="away")
    rig.dispatch.start_ready()
    await rig.running(1)


async def test_a_tenant_at_its_limit_holds_up_no_other(rig: Rig) -> None:
    """Of the same route; its own runs keep their order."""
    for offset in range(3):
        rig.put(offset, tenant="full")
    rig.put(3, tenant="other")
    rig.work.held["full"] = OWN_LIMIT
    rig.dispatch.start_ready()
    await rig.running(3)
    rig.put(4, tenant="full")
    rig.dispatch.start_ready()
    assert rig.work.asked.count(0) == 1
    del rig.work.held["full"]
    rig.clock.now += 5
    rig.dispatch.start_ready()
    await rig.running(0, 3)


async def test_the_end_of_a_call_lets_the_next_one_in(rig: Rig) -> None:
    """Without waiting for a time: the place that became free is the one it waits for."""
    admission = with_permits(rig, most=1)
    for offset in range(3):
        rig.put(offset)
    rig.dispatch.start_ready()
    await rig.running(0)
    rig.work.processing[0].set_result(Terminal(()))
    await rig.running(1)
    assert running(admission) == 1


async def test_the_end_of_a_call_has_those_asked_again_that_wait_for_tokens(rig: Rig) -> None:
    """It gives back what it did not use: whoever stands behind in line waited for a first one that slept meanwhile."""
    for offset, model in enumerate(("ends", "large", "small")):
        rig.put(offset, model=model)
    rig.work.held |= dict.fromkeys(("large", "small"), NotBefore(60.0, "tokens", is_tenant=False))
    rig.dispatch.start_ready()
    await rig.running(0)
    rig.work.held.clear()
    rig.dispatch.start_ready()
    await rig.running(0)
    rig.work.processing[0].set_result(Terminal(()))
    await rig.running(1, 2)


async def test_the_permit_is_given_back_on_every_way_out(rig: Rig) -> None:
    """An answer, a wait, a defect, a cut before the first step and one after it, a cancel, a lost partition."""
    admission = with_permits(rig, most=2)
    for offset in range(3):
        rig.put(offset)
    rig.dispatch.start_ready()
    await rig.running(0, 1)
    rig.work.processing[0].set_result(Terminal(()))
    rig.work.processing[1].set_exception(NotNow("no"))
    rig.clock.now += 1
    await rig.running(2, 1)
    rig.work.processing[2].set_exception(ZeroDivisionError())
    await rig.running(1)
    rig.cancelled |= {run.id for run in rig.dispatch._tasks.values()}
    rig.dispatch.cancel()
    await rig.running()
    assert running(admission) == 0
    for offset in (4, 5):
        rig.put(offset)
    rig.dispatch.start_ready()
    assert running(admission) == 2
    rig.owners[0].state = State.ENDED
    await rig.owners[0].cancel_running()
    assert (running(admission), rig.dispatch.running) == (0, 0)


async def test_a_run_of_a_partition_that_is_not_ready_takes_no_permit(rig: Rig) -> None:
    """It is put aside until the claim is through."""
    admission = with_permits(rig, most=2)
    rig.put(0)
    rig.owners[0].state = State.CLAIMING
    rig.dispatch.start_ready()
    assert running(admission) == 0


async def test_runs_that_are_held_expire_and_are_cancelled_like_others(rig: Rig) -> None:
    """They are neither lost nor forgotten: behind a held route and behind a held tenant."""
    rig.work.held |= {"away": AWAY, "full": OWN_LIMIT}
    expiring = rig.put(0, model="away", deadline=NOW + 5)
    rig.put(1, tenant="full", deadline=NOW + 5)
    cancelled = rig.put(2, model="away")
    rig.dispatch.start_ready()
    rig.cancelled.add(cancelled.id)
    rig.dispatch.cancel()
    rig.clock.now = expiring.deadline
    rig.dispatch.sweep()
    assert sorted(rig.published(), key=str) == [(0, [b"expired 0"]), (1, [b"expired 1"]), (2, [b"cancelled 2"])]
    assert repr(rig.dispatch) == "Dispatch(running=0, ReadyQueues(ready=0, waiting=0, bytes=0))"


async def test_a_full_dispatch_does_not_turn_in_circles(rig: Rig) -> None:
    """A held route or tenant whose time has come asks for nothing while there is no slot to give."""
    for offset in range(2):
        rig.put(offset)
    rig.put(2, model="away")
    rig.put(3, tenant="full")
    rig.work.held |= {"away": FULL, "full": OWN_LIMIT}
    rig.slots._most = 3
    rig.dispatch.start_ready()
    await rig.running(0, 1)
    rig.slots._most = 2
    rig.clock.now += 6
    rig.dispatch.start_ready()
    assert rig.dispatch._timer is None


async def test_a_run_that_waits_for_something_else_now_goes_to_that_queue(rig: Rig) -> None:
    """Its plan changed with time: it is not admitted as the head of a queue that is not its own any more.

    It waits behind the runs that are there, and holds up none of those that it has left.
    """
    other = Plan.plain(Choice(scripted(lambda _: ()), "other"))
    rig.put(0)
    rig.put(1)
    rig.put(2, model="other")
    rig.work.renewals[0] = other
    rig.work.held["other"] = AWAY
    rig.dispatch.start_ready()
    await rig.running(1)
    assert (rig.dispatch.queues.ready, sorted(rig.work.asked)) == (2, [1, 2])
    del rig.work.held["other"]
    rig.clock.now += 30
    rig.work.processing[1].set_result(Terminal(()))
    await rig.running(0, 2)
    assert rig.work.order == [1, 2, 0]


async def test_the_end_of_a_call_lets_in_whoever_may_use_its_provider(rig: Rig) -> None:
    """Also runs of a route for which it is one of several."""
    busy, idle = scripted(lambda _: ()), Scripted("q", lambda _: (), rig.clock.sleep)
    choices = (Choice(idle, "n"), Choice(busy, "m"))
    running = rig.put(0, provider=busy)
    rig.dispatch.start_ready()
    await rig.running(0)
    rig.put(1, plan=Plan(idle, choices, "route:v q/n p/m"), tenant="waits")
    rig.work.held["waits"] = FULL
    rig.dispatch.start_ready()
    assert rig.work.asked == [0, 1]
    del rig.work.held["waits"]
    rig.work.processing[running.offset].set_result(Terminal(()))
    await rig.running(1)


async def test_a_run_that_is_admitted_again_at_once_gives_both_permits_back(rig: Rig) -> None:
    """Room came before its task had quite ended: its second permit was taken for the first one, which was lost."""
    admission = with_permits(rig, most=5)
    run = rig.put(0)
    rig.dispatch.start_ready()
    await rig.running(0)
    run.not_before = NOW + 30
    room = Room()
    rig.work.processing[0].set_exception(NotNow("reserved", room=room))
    loop = asyncio.get_running_loop()
    loop.call_soon(room.open)
    loop.call_soon(rig.dispatch.start_ready)
    for _ in range(20):
        await asyncio.sleep(0)
    assert running(admission) == 1
    rig.work.processing[0].set_result(Terminal(()))
    for _ in range(20):
        await asyncio.sleep(0)
    assert running(admission) == 0
