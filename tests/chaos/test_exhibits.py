"""The first look at what went wrong."""

from dataclasses import replace

from tests.chaos.evidence import StoredUsage
from tests.chaos.exhibits import exhibits
from tests.chaos.test_checker import GOOD, RESULT, STREAMED


def test_a_good_run_shows_nothing() -> None:
    """There is nothing to look for."""
    assert exhibits(GOOD) == []


def test_everything_about_a_run_is_shown() -> None:
    """Its results, its usage lines and its calls, each once, whatever is wrong with it."""
    again = StoredUsage(f"{STREAMED}/7000/1", STREAMED, "upper_bound", 5000)
    expected = [
        f"result {STREAMED} completed attempt 7000",
        f"usage {STREAMED}/7000/1 provider at 0",
        f"call {STREAMED}/7000/1 completed",
    ]
    usage_twice = replace(GOOD, usage=(*GOOD.usage, again))
    assert exhibits(usage_twice) == [*expected[:2], f"usage {STREAMED}/7000/1 upper_bound at 5000", expected[2]]
    assert exhibits(replace(GOOD, results=GOOD.results[1:])) == expected[1:]
    assert exhibits(replace(GOOD, usage=GOOD.usage[1:])) == [expected[0], expected[2]]
    failed = replace(GOOD, results=(RESULT._replace(status="failed"), *GOOD.results[1:]))
    assert exhibits(failed) == [expected[0].replace("completed", "failed"), *expected[1:]]
