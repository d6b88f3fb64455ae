"""What the recovery benchmark counts: gaps, calls that were bought twice, calls that were open in a dead worker."""

from collections.abc import Sequence

import pytest

from benchmarks.recovery.figures import Figure, largest_gap
from benchmarks.recovery.ledger import Ledger, NotedCall
from benchmarks.recovery.outputs import Outputs, Stream


def call(run: str, number: int, at: float, owner: str = "old", partition: int = 0) -> NotedCall:
    """A call of a run."""
    return NotedCall(f"{run}/{number}", run, partition, owner, at)


def ledger(*calls: NotedCall, completed: Sequence[tuple[str, str]] = (), unserved: Sequence[str] = ()) -> Ledger:
    """All of the calls were served, but for some."""
    return Ledger(calls, (), completed, {made.usage_id for made in calls} - set(unserved), ())


def test_a_gap_reaches_to_both_ends() -> None:
    """Nothing at all is a gap as long as the time that is looked at; what lies outside of that does not count."""
    assert largest_gap([], 10, 13) == 3
    assert largest_gap([9, 12, 11.5, 40], 10, 13) == 1.5
    assert largest_gap([10.5, 12.9], 10, 13) == pytest.approx(2.4)


def test_bought_twice_are_later_calls_of_a_run_that_the_provider_served() -> None:
    """The time is that of the later call; a call that was noted and never made was not bought."""
    found = ledger(
        *(call("a", 1, 1), call("a", 2, 5), call("b", 1, 2), call("c", 1, 3), call("c", 2, 6), call("a", 3, 9)),
        unserved=["c/1"],
    )
    assert [made.usage_id for made in found.bought_again(4, 8)] == ["a/2"]
    assert [made.usage_id for made in found.bought_again(0, 20)] == ["a/2", "a/3"]


def test_open_calls_are_those_of_the_last_owner_without_its_answer() -> None:
    """Calls of owners before it were its own to take over, and later ones are its successor's."""
    found = ledger(
        *(call("a", 1, 1, "older"), call("b", 1, 2), call("c", 1, 3), call("d", 1, 8, "new")),
        call("e", 1, 2, "other", partition=1),
        completed=[("b", "old"), ("c", "new")],
    )
    assert [made.run_id for made in found.open_calls(5, {0})] == ["c"]


def test_a_partition_streams_again_with_a_request_that_was_sent_after() -> None:
    """Requests that waited meanwhile do not count, however late they are answered."""
    outputs = Outputs()
    outputs.streams[3] += [Stream(9, 14), Stream(11, 16), Stream(10.5, 15)]
    assert outputs.again_at(3, 10) == 15
    assert outputs.again_at(3, 12) is None
    assert outputs.again_at(4, 0) is None


def test_a_limit_is_kept_by_the_highest_value_or_by_the_median() -> None:
    """Without a limit there is no verdict."""
    assert Figure("", "s", [1, 2, 9], 3).is_met is False
    assert Figure("", "s", [1, 2, 9], 3, "median").is_met is True
    assert Figure("", "s", [1, 2, 9]).is_met is None
