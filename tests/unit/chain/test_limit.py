"""What a permit is asked for, and the limits of tenants."""

from streamproc.chain.limit import ask_for
from streamproc.chain.limits import Hold, LimitRules, Limits
from streamproc.chain.permit import Ask
from streamproc.chain.tenants import Tenants
from streamproc.records.request import Request
from tests.fakes import a_request


def test_a_call_is_reckoned_by_its_size_and_its_longest_answer() -> None:
    """A token for four bytes, as providers reckon a call at its start; embeddings have no answer."""
    assert ask_for(a_request(), "m", "t", 401, 50) == Ask("m", "t", 151)
    embedded = Request.model_validate({"request_id": "r", "model": "m", "input": ["a"]})
    assert ask_for(embedded, "m", "t", 401, 50) == Ask("m", "t", 101)


def test_a_call_that_was_never_made_gives_all_of_it_back() -> None:
    """The request, its tokens and its place; one that was made keeps its request."""
    limits = Limits(LimitRules(60, 1, 60, 10, 1))
    limits.enter(10, 0.0)
    assert limits.hold(1, 0.0) == Hold("concurrency", 0.25)
    limits.leave(10, None)
    assert limits.hold(10, 0.0) is None
    limits.enter(10, 0.0)
    limits.leave(10, 4)
    assert limits.hold(6, 0.0) == Hold("requests", 1.0)
    assert limits.hold(8, 0.0) == Hold("tokens", 2.0)


def test_tenants_that_are_idle_are_forgotten_and_no_other() -> None:
    """Names come from senders, and nothing of them may fill the memory; but a limit that is used must hold."""
    tenants = Tenants({"*": LimitRules(requests_per_minute=60)}, most=3)
    for number in range(50):
        limits = tenants.of(f"busy {number % 2}", float(number))
        assert limits is not None
        limits.enter(1, float(number))
        tenants.of(f"once {number}", float(number))
    assert len(tenants._limits) <= 5
    busy = tenants.of("busy 1", 50.0)
    assert busy is not None
    assert busy.running == 25


def test_a_tenant_without_limits_has_none() -> None:
    """And nothing is remembered of it."""
    tenants = Tenants({"a": LimitRules(max_concurrent=1)})
    assert tenants.of("b", 0.0) is None
    assert tenants.of("a", 0.0) is not None


def test_tokens_in_flight_are_those_of_calls_that_have_not_ended() -> None:
    """By their estimates, until they end; a call that is larger than the cap goes alone."""
    limits = Limits(LimitRules(max_tokens_in_flight=100))
    assert limits.hold(150, 0.0) is None
    limits.enter(60, 0.0)
    assert limits.hold(40, 0.0) is None
    assert limits.hold(41, 0.0) == Hold("tokens_in_flight", 0.25)
    limits.enter(40, 0.0)
    limits.leave(60, 3)
    assert limits.hold(60, 0.0) is None
    limits.leave(40, None)
    assert limits.hold(150, 0.0) is None
