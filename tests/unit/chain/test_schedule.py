"""The schedule of a run: when it may start, and when it expires."""

from datetime import UTC, datetime

import pytest

from streamproc.chain.schedule import Schedule, ScheduleRules, schedule
from streamproc.errors import InvalidRequest
from tests.fakes import NOW, a_request

RULES = ScheduleRules(default_deadline_seconds=600, max_deadline_seconds=3600, max_not_before_seconds=900)


def planned(not_before: float | None = None, deadline: float | None = None) -> Schedule:
    """The schedule of a request with these times, in seconds from now."""
    times = {"not_before": not_before, "deadline": deadline}
    fields = {
        name: datetime.fromtimestamp(NOW + seconds, UTC) for name, seconds in times.items() if seconds is not None
    }
    return schedule(a_request(**fields), NOW, RULES)


@pytest.mark.parametrize(
    ("not_before", "deadline", "begins", "expires"),
    [
        (None, None, None, 600),
        (None, 60, None, 60),
        (None, -5, None, -5),
        (None, 3601, None, 3600),
        (100, None, 100, 700),
        (-100, None, -100, 600),
        (900, None, 900, 1500),
        (100, 101, 100, 101),
    ],
)
def test_times(not_before: float | None, deadline: float | None, begins: float | None, expires: float) -> None:
    """A default deadline counts from the start, be that now or later; an own one is what it says, up to the longest."""
    found = planned(not_before, deadline)
    assert found == (0.0 if begins is None else NOW + begins, NOW + expires)


@pytest.mark.parametrize(
    ("not_before", "deadline", "words"),
    [(901, None, "max_not_before_seconds \\(900\\) away"), (60, 60, "not earlier"), (60, 30, "not earlier")],
)
def test_a_start_that_cannot_be_is_refused(not_before: float, deadline: float | None, words: str) -> None:
    """Too far away, or not before its own deadline."""
    with pytest.raises(InvalidRequest, match=words):
        planned(not_before, deadline)
