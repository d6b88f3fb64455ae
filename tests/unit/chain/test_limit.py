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
    entry = limits.enter(10, 0.0)
    assert limits.hold(1, 0.0) == Hold("concurrency", 0.25)
    entry.leave(None, 0.0)
    assert limits.hold(10, 0.0) is None
    limits.enter(10, 0.0).leave(4, 0.0)
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
    large = limits.enter(60, 0.0)
    assert limits.hold(40, 0.0) is None
    assert limits.hold(41, 0.0) == Hold("tokens_in_flight", 0.25)
    small = limits.enter(40, 0.0)
    large.leave(3, 0.0)
    assert limits.hold(60, 0.0) is None
    small.leave(None, 0.0)
    assert limits.hold(150, 0.0) is None


def test_a_call_that_used_more_is_counted_though_the_bucket_was_empty_meanwhile() -> None:
    """What it used beyond its estimate was added to a bucket as it was long ago, and had flowed off at once."""
    limits = Limits(LimitRules(tokens_per_minute=60, tokens_burst=10))
    limits.enter(1, 0.0).leave(9, 100.0)
    assert limits.hold(4, 100.0) == Hold("tokens", 2.0)


def test_calls_that_were_never_made_leave_no_room_that_was_used_already() -> None:
    """They were let in, waited for their budget and were sent back, while others had what flowed off meanwhile."""
    limits = Limits(LimitRules(60, 10, 60, 10))
    never = [limits.enter(1, 0.0) for _ in range(10)]
    for number in range(10):
        assert limits.hold(1, 10.0) is None, number
        limits.enter(1, 10.0)
    for entry in never:
        entry.leave(None, 10.0)
    assert limits.hold(1, 10.0) == Hold("requests", 1.0)
    assert limits.running == 10
