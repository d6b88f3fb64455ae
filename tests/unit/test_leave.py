"""Leave: what a run waits for while things change around it."""

from typing import Any

import pytest

from streamproc.chain.allowance import Left, Remaining
from streamproc.chain.answers import Answers
from streamproc.chain.cache_rules import key_of
from streamproc.chain.flight import Bought
from streamproc.chain.plan import Asked, Plan
from streamproc.chain.provider import Completed, Text
from streamproc.chain.run import Run
from streamproc.money.cap import Account
from streamproc.money.scope import GLOBAL
from streamproc.money.spent import Slowed
from streamproc.observe.events import CallsHeld
from streamproc.records.request import Request
from streamproc.records.usage import TokenCounts
from tests.fakes import a_call, a_request
from tests.unit.routing_rig import Rig, one, variants

LATE = {"use": ["q/n"], "when": {"max_seconds_left": 100}}


def test_a_run_whose_conditions_changed_waits_for_something_else() -> None:
    """It is told once; when no variant is for it any more it keeps the one that it has."""
    rig = Rig(variants(late=LATE, early={"use": ["p/m"], "when": {"min_seconds_left": 10}}))
    run = rig.run()
    assert (rig.chains.leave.renew(run), run.model) == (False, "m")
    rig.clock.now += 550
    assert (rig.chains.leave.renew(run), run.model) == (True, "n")
    assert rig.chains.leave.renew(run) is False
    only_early = Rig(variants(early={"use": ["p/m"], "when": {"min_seconds_left": 10}}))
    run = only_early.run()
    only_early.clock.now += 595
    assert (only_early.chains.leave.renew(run), run.model) == (False, "m")


def answered(rig: Rig, run: Run, seconds: float = 60) -> None:
    """Puts an answer of the run's first choice into the cache."""
    cache = rig.chains._cache
    assert cache is not None
    answers: Answers = cache.answers
    key = key_of(run.tenant, run.choice.place, 1024, run.input_hash)
    call = a_call(run.request.model_copy(update={"cache_ttl_seconds": seconds}))
    answers.keep(key, call, [Text("a")], Bought(Completed(None, "stop"), TokenCounts(), None))


def test_what_the_cache_can_answer_stands_behind_nobody() -> None:
    """It has a queue of its own as long as the answer is there, and needs no permit, though the breaker is open."""
    rig = Rig(one("p/m"), cache={"enabled": True})
    run = rig.run()
    leave = rig.chains.leave
    assert leave.is_answered(run) is False
    answered(rig, run)
    run.is_answered = leave.is_answered(run)
    rig.fail("p/m")
    assert (run.route, leave.renew(run), leave.admit(run), run.progress.permit) == ("cache", False, None, None)
    rig.clock.now += 61
    assert (leave.renew(run), run.is_answered, run.route) == (True, False, run.plan.queue)


def test_an_answer_older_than_a_request_allows_gives_no_slot_without_a_permit() -> None:
    """The run took a slot for it, found it too old, called or came back without a place, and did so again and again."""
    rig = Rig(one("p/m"), cache={"enabled": True})
    leave = rig.chains.leave
    run, strict = rig.run(), rig.run(request=asks(cache_ttl_seconds=10))
    assert run.input_hash == strict.input_hash
    answered(rig, run, seconds=60)
    rig.clock.now += 10
    assert leave.is_answered(strict) is True
    rig.clock.now += 1
    assert (leave.is_answered(run), leave.is_answered(strict)) == (True, False)
    assert leave.admit(strict) is None
    assert strict.progress.permit is not None


def asks(**fields: Any) -> Request:
    """A request to the route r."""
    return a_request(model="r", **fields)


@pytest.mark.parametrize("said", ["stale", "degraded"])
def test_who_is_content_with_less_does_not_wait_for_a_sick_provider(said: str) -> None:
    """Nor do runs that wait stand before it; it gets a slot without a permit, and what there is."""
    rig = Rig(one("p/m", "q/n"))
    waits, takes = rig.run(request=asks()), rig.run(request=asks(if_unavailable=said))
    assert waits.route != takes.route
    rig.fail("p/m")
    assert rig.chains.leave.admit(takes) is None
    assert takes.provider.name == "q"
    takes.progress.give_back()
    rig.fail("q/n")
    assert rig.chains.leave.admit(waits) is not None
    assert (rig.chains.leave.admit(takes), takes.progress.permit) == (None, None)


def test_a_limit_is_no_outage() -> None:
    """There it waits as any other."""
    rig = Rig(one("p/m"), providers={"p": {"limits": {"requests_per_minute": 1, "requests_burst": 1}}})
    assert rig.chains.leave.admit(rig.run()) is None
    assert rig.chains.leave.admit(rig.run(request=asks(if_unavailable="degraded"))) is not None


def test_a_run_whose_budget_is_nearly_spent_waits_for_its_turn() -> None:
    """Beside the queues, so that nobody stands behind it; what the cache can answer has no turn to wait for."""
    rig = Rig(one("p/m"), slowed=[Slowed(Account(GLOBAL, "day", 1), 60)], cache={"enabled": True})
    first, second, third = rig.run(), rig.run(), rig.run()
    leave = rig.chains.leave
    assert (leave.renew(first), first.not_before) == (False, 0)
    assert (leave.renew(second), second.not_before) == (True, rig.clock.now + 1)
    (held,) = rig.seen.of(CallsHeld)
    assert (held.reason, held.wait_seconds) == ("throttle", 1)
    answered(rig, third)
    third.is_answered = True
    assert leave.renew(third) is False
    rig.clock.now += 1
    assert leave.renew(second) is False


def test_who_asked_for_less_in_vain_waits_as_any_other() -> None:
    """It would come back for nothing a few times a second as long as a provider is away."""
    rig = Rig(one("p/m"))
    run = rig.run(request=asks(if_unavailable="stale"))
    rig.fail("p/m")
    assert rig.chains.leave.admit(run) is None
    run.is_vain = True
    assert rig.chains.leave.admit(run) is not None
    assert run.route == run.plan.queue


def test_a_pause_of_the_first_model_is_no_outage() -> None:
    """The next one is well, and was not asked; a pause is over soon, too."""
    rig = Rig(one("p/m", "q/n"))
    plain = rig.run(request=asks(if_unavailable="degraded"))
    assert rig.chains.leave.admit(plain) is None
    assert plain.progress.permit is not None
    plain.progress.permit.began()
    plain.progress.permit.told(Left(Remaining(None, 0.0, 0.5), None))
    run = rig.run(request=asks(if_unavailable="degraded"))
    verdict = rig.chains.leave.admit(run)
    assert verdict is not None
    assert (verdict.reason, run.progress.permit) == ("pause", None)


def test_a_rule_that_changes_its_mind_is_asked_once_a_second() -> None:
    """Each time it said something else the run was put into another queue, and nothing else ran any more."""
    looks: list[int] = []
    rig = Rig(variants(late=LATE, early={"use": ["p/m"], "when": {"min_seconds_left": 10}}))
    leave, run = rig.chains.leave, rig.run()
    plan = leave._plans.plan

    def count(asked: Asked) -> Plan:
        looks.append(1)
        return plan(asked)

    leave._plans.plan = count  # type: ignore[method-assign] # counts, and is the real one
    for _ in range(10):
        leave.renew(run)
    assert len(looks) == 1
    rig.clock.now += 1
    leave.renew(run)
    assert len(looks) == 2
