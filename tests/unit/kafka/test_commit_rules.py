"""How a partition commits: pauses that grow with what commits cost."""

from hypothesis import given
from hypothesis import strategies as st

from streamproc.kafka.commit_rules import CommitRules

RULES = CommitRules(0.025, 0.1, 1)


@given(st.floats(0, 100), st.integers(0, 10_000))
def test_the_pause_between_commits_grows_with_their_cost(last_seconds: float, partitions: int) -> None:
    """Within the two settings while partitions are few; with many, 2.5 ms for each."""
    pause = RULES.pause_seconds(last_seconds, partitions)
    assert pause >= 0.025
    assert pause >= 0.0025 * partitions
    assert pause <= max(0.1, 0.0025 * partitions)
    assert RULES.pause_seconds(last_seconds + 1, partitions + 1) >= pause
    assert RULES.pause_seconds(0.03, 1) == 0.06
    assert RULES.pause_seconds(9.0, 400) == 1.0
