"""Whether a failed call is tried again: one row for each rule."""

from dataclasses import replace

import pytest

from streamproc.chain.retry_rules import Again, Failed, RetryPolicy, Stop, WaitRules, decide
from streamproc.errors import ServerFault

POLICY = RetryPolicy(attempts=3, base_seconds=1, cap_seconds=8, max_lost_attempts=2, max_seconds=30)


def fault(hint: float | None = None, *, should_retry: bool | None = None) -> ServerFault:
    """A provider's failure with what it says about further tries."""
    return ServerFault("x", provider="p", retry_after_seconds=hint, should_retry=should_retry)


USUAL = Failed(fault(), tries=1, seconds=0.1, left_seconds=600, drawn=0.5)


@pytest.mark.parametrize(
    ("failed", "verdict"),
    [
        (USUAL, Again(0.5)),
        (USUAL._replace(tries=2), Again(1.0)),
        (USUAL._replace(drawn=0.0), Again(0.0)),
        (USUAL._replace(error=fault(3.0)), Again(3.0)),
        (USUAL._replace(error=fault(8.0)), Again(8.0)),
        (USUAL._replace(error=fault(8.1)), Stop("hint")),
        (USUAL._replace(error=fault(should_retry=True)), Again(0.5)),
        (USUAL._replace(error=fault(should_retry=False)), Stop("told_not_to")),
        (USUAL._replace(tries=3), Stop("attempts")),
        (USUAL._replace(seconds=29.5), Again(0.5)),
        (USUAL._replace(seconds=29.6), Stop("seconds")),
        (USUAL._replace(left_seconds=0.6), Again(0.5)),
        (USUAL._replace(left_seconds=0.5), Stop("deadline")),
    ],
)
def test_each_rule(failed: Failed, verdict: Again | Stop) -> None:
    """At its edge, on both sides."""
    assert decide(failed, POLICY) == verdict


def test_without_a_bound_in_seconds_there_is_none() -> None:
    """The default of the policy."""
    assert decide(USUAL._replace(seconds=1e9, left_seconds=1e10), replace(POLICY, max_seconds=float("inf"))) == Again(
        0.5
    )


def test_a_run_that_waits_obeys_a_hint_within_the_bound() -> None:
    """A provider that asked for a day made runs wait until they expired."""
    rules = WaitRules(base_seconds=1, cap_seconds=30, max_hint_seconds=300)
    assert rules.seconds(1, None, lambda: 0.5) == 0.5
    assert rules.seconds(9, None, lambda: 1.0) == 30
    assert rules.seconds(1, 100, lambda: 0.5) == 100
    assert rules.seconds(1, 86_400, lambda: 0.5) == 300
