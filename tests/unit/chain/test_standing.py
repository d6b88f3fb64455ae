"""How a credential stands with a model: what each outcome of a call counts as, row by row."""

import pytest

from streamproc.chain.breaker import BreakerRules
from streamproc.chain.standing import Standing
from streamproc.errors import (
    BadRequest,
    ConnectFailed,
    ContentPolicy,
    ContextTooLong,
    CredentialRefused,
    Disconnected,
    IncompleteStream,
    MalformedStream,
    Overloaded,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    ServerFault,
    TimedOut,
)

RULES = BreakerRules(min_calls=3, failure_rate=0.5)


def after(error: ProviderError | None, count: int) -> str:
    """The state of the breaker after so many calls with this end; None is an answer."""
    standing = Standing("main", "m", RULES)
    for _ in range(count):
        standing.concurrency.running += 1
        ticket = standing.breaker.begin()
        if error is None:
            standing.succeeded(ticket, 0.1, 1.0)
        else:
            standing.failed(ticket, error, begun=0.0, now=1.0)
        standing.concurrency.running -= 1
    return standing.breaker.state.value


FAULTS = (
    ConnectFailed,
    TimedOut,
    Disconnected,
    IncompleteStream,
    MalformedStream,
    RateLimited,
    Overloaded,
    ServerFault,
)


@pytest.mark.parametrize("kind", FAULTS)
def test_the_provider_s_faults_count(kind: type[ProviderError]) -> None:
    """Three of three open it, two are too few."""
    error = kind("x", provider="p")
    assert (after(error, 2), after(error, 3)) == ("closed", "open")


@pytest.mark.parametrize("kind", [BadRequest, ContextTooLong, ContentPolicy])
def test_faults_of_the_request_do_not(kind: type[ProviderError]) -> None:
    """A sender's mistake, however often, takes the provider from nobody else."""
    assert after(kind("x", provider="p", status_code=400), 50) == "closed"
    assert after(None, 50) == "closed"


def test_a_refused_credential_needs_no_second_proof() -> None:
    """But "forbidden" is often said of one request, and counts as one failure."""
    assert after(CredentialRefused("x", provider="p", status_code=401), 1) == "open"
    assert after(QuotaExhausted("x", provider="p", status_code=429), 1) == "open"
    forbidden = CredentialRefused("x", provider="p", status_code=403)
    assert (after(forbidden, 2), after(forbidden, 3)) == ("closed", "open")


def test_too_many_requests_slow_down_and_pause() -> None:
    """Half as many at a time; no call before the hint, within the bound. Without a hint there is no pause."""
    standing = Standing("main", "m", BreakerRules(max_open_seconds=10))
    tickets = []
    for _ in range(4):
        standing.concurrency.running += 1
        tickets.append(standing.breaker.begin())
    standing.failed(tickets[0], RateLimited("x", provider="p"), begun=0.0, now=1.0)
    standing.concurrency.running -= 1
    assert (hold := standing.hold(1, 1.0)) is not None
    assert (hold.reason, standing.concurrency.allowed) == ("concurrency", 2.0)
    standing.failed(tickets[1], RateLimited("x", provider="p", retry_after_seconds=3.0), begun=0.0, now=1.0)
    assert standing.hold(1, 1.5) == ("pause", 2.5)
    standing.failed(tickets[2], RateLimited("x", provider="p", retry_after_seconds=1e6), begun=0.0, now=2.0)
    assert standing.hold(1, 2.0) == ("pause", 10.0)
