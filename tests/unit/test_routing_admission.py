"""Admission on a route: which of its models takes a call before it has a slot."""

from typing import Any

import pytest

from streamproc.chain.permit import NotBefore
from streamproc.observe.events import CallsHeld
from streamproc.observe.route_events import FellBack
from tests.fakes import a_call, a_request, a_run, asked
from tests.unit.routing_rig import Rig, one


def test_an_open_breaker_gives_way_before_a_slot_is_taken() -> None:
    """To the next model that takes the call; the first one is not asked."""
    rig = Rig(one("p/m", "q/n", "s/o"))
    rig.fail("p/m")
    run = rig.run()
    assert (rig.chains.leave.admit(run), run.progress.choice, run.provider.name, run.model) == (None, 1, "q", "n")
    assert run.progress.permit is not None
    (fell,) = rig.seen.of(FellBack)
    assert (fell.route, fell.left, fell.taken, fell.reason) == ("r", "p/m", "q/n", "breaker")
    run.progress.give_back()
    rig.clock.now += 3600
    assert (rig.chains.leave.admit(run), run.progress.choice) == (None, 0)


def limited(per_minute: float, **fields: Any) -> dict[str, Any]:
    """A provider's limits: one call at a time, so many a minute."""
    return {"limits": {"requests_per_minute": per_minute, "requests_burst": 1, **fields}}


@pytest.mark.parametrize(("wait", "choice"), [(1.0, None), (0.5, 1)])
def test_a_limit_is_waited_for_a_moment(wait: float, choice: int | None) -> None:
    """As long as the route says; then the next one takes the call."""
    rig = Rig(one("p/m", "q/n", max_wait_seconds=wait), providers={"p": limited(60)})
    assert rig.chains.leave.admit(rig.run()) is None
    run = rig.run()
    verdict = rig.chains.leave.admit(run)
    if choice is None:
        assert verdict == NotBefore(1.0, "requests", is_tenant=False)
        assert [held.provider for held in rig.seen.of(CallsHeld)] == ["p"]
    else:
        assert (verdict, run.progress.choice) == (None, choice)


def test_whoever_goes_elsewhere_leaves_its_place_in_line() -> None:
    """Nobody would come for it, and others would wait for nobody."""
    rig = Rig(one("p/m", "q/n", max_wait_seconds=0.5), providers={"p": limited(60)})
    for choice in (0, 1):
        run = rig.run()
        assert (rig.chains.leave.admit(run), run.progress.choice) == (None, choice)
    rig.clock.now += 1.01
    plain = a_request(model="p/m")
    other = a_run(request=plain, plan=rig.chains.leave.plan(asked(plain)))
    assert rig.chains.leave.admit(other) is None


def test_too_many_calls_at_a_time_give_way_at_once() -> None:
    """Nobody knows how long that takes."""
    rig = Rig(one("p/m", "q/n"), providers={"p": {"limits": {"max_concurrent": 1}}})
    choices = []
    for _ in range(2):
        run = rig.run()
        assert rig.chains.leave.admit(run) is None
        choices.append(run.progress.choice)
    assert choices == [0, 1]


def test_a_tenant_s_own_limit_holds_for_all_models() -> None:
    """It would spend as much on the next one."""
    rig = Rig(one("p/m", "q/n"), tenants={"default": {"max_concurrent": 1}})
    assert rig.chains.leave.admit(rig.run()) is None
    verdict = rig.chains.leave.admit(rig.run())
    assert verdict is not None
    assert (verdict.is_tenant, rig.seen.of(FellBack)) == (True, [])


def test_when_none_takes_it_the_soonest_is_waited_for() -> None:
    """Whichever it is."""
    rig = Rig(one("p/m", "q/n"), providers={"q": limited(12)})
    rig.fail("p/m")
    assert rig.chains.leave.admit(rig.run()) is None
    verdict = rig.chains.leave.admit(rig.run())
    assert verdict is not None
    assert verdict.reason == "breaker"  # for two seconds; the limit of the other one holds for five
    assert [held.provider for held in rig.seen.of(CallsHeld)] == ["p"]


@pytest.mark.parametrize("unfit", [{"p/m"}, {"p/m", "q/n"}])
def test_a_model_that_the_run_has_outgrown_is_not_asked(unfit: set[str]) -> None:
    """Unless there is nothing else."""
    rig = Rig(one("p/m", "q/n"))
    run = rig.run()
    run.progress.unfit = frozenset(unfit)
    assert (rig.chains.leave.admit(run), run.progress.choice) == (None, 2 - len(unfit))


async def test_the_cache_answers_for_any_of_them() -> None:
    """A stored answer of the second model is there although nobody can be called."""
    rig, request = Rig(one("p/m", "q/n"), cache={"enabled": True}), a_request(model="r", max_output_tokens=100)
    rig.fail("p/m")
    payer = rig.run(request=request)
    assert rig.chains.leave.admit(payer) is None
    call = a_call(payer.request, input_hash=payer.input_hash, progress=payer.progress)
    assert [event async for event in payer.plan.chain.stream(call)]
    rig.fail("q/n")
    late = rig.run(request=request)
    assert rig.chains.leave.admit(late) is None
    assert (late.progress.permit, late.progress.choice) == (None, 1)


def test_a_run_whose_conditions_change_is_looked_at_again_soon() -> None:
    """Another variant may take it before the breaker lets anything through."""
    routes = {"r": {"variants": {"v": {"use": ["p/m"], "when": {"min_seconds_left": 1}}}}}
    rig = Rig(routes)
    rig.fail("p/m")
    verdict = rig.chains.leave.admit(rig.run())
    assert verdict == NotBefore(1.0, "breaker", is_tenant=False)
