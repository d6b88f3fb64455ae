"""Which changes of breakers are told, and when."""

from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from streamproc.chain.breaker_news import BreakerNews, News
from streamproc.observe.events import BreakerChanged

PERIOD = 10.0


def changed(state: str, reason: str = "6 of 10 failed", model: str = "m") -> BreakerChanged:
    """A change of a breaker."""
    return BreakerChanged("p", "main", model, state, "" if state == "closed" else reason, 2.0)


def test_a_change_is_told_at_once() -> None:
    """Of each breaker by itself."""
    news = BreakerNews(PERIOD)
    assert news.saw(changed("open"), 0.0) == News(changed("open"), 0)
    assert news.saw(changed("open", model="n"), 0.0) == News(changed("open", model="n"), 0)
    assert news.due(0.0) == []


def test_what_follows_quickly_is_told_when_the_period_is_over() -> None:
    """Only how it ended, with the count of what is left out."""
    news = BreakerNews(PERIOD)
    news.saw(changed("open"), 0.0)
    assert news.saw(changed("half_open"), 2.0) is None
    assert news.saw(changed("closed"), 2.1) is None
    assert news.due(9.9) == []
    assert news.due(10.0) == [News(changed("closed"), 1)]
    assert news.due(30.0) == []


def test_an_outage_is_a_few_alerts_at_any_length() -> None:
    """A probe that fails every other second for an hour was 3,600 records."""
    news = BreakerNews(PERIOD)
    told = [news.saw(changed("open"), 0.0)]
    for second in range(2, 3600, 2):
        for change in (changed("half_open", "the probe failed"), changed("open", "the probe failed")):
            told += [news.saw(change, float(second)), *news.due(float(second))]
    told.append(news.saw(changed("closed"), 3600.0))
    states = [one.change.state for one in told if one is not None]
    assert states[0] == "open"
    assert states[-1] == "closed"
    assert len(states) <= 4
    assert news.saw(changed("open"), 4000.0) == News(changed("open"), 0)


def test_a_new_reason_is_news() -> None:
    """First it failed; then its key was refused."""
    news = BreakerNews(PERIOD)
    news.saw(changed("open"), 0.0)
    refused = changed("open", "the credential was refused")
    assert news.saw(refused, 20.0) == News(refused, 0)
    assert news.saw(changed("open"), 40.0) is None


@given(st.lists(st.tuples(st.floats(0.0, 5.0), st.sampled_from(("open", "half_open", "closed")))))
@example([(22.598314735686206, "open"), (0.0, "closed")])
def test_never_two_within_the_period_and_closed_is_never_missed(steps: list[tuple[float, str]]) -> None:
    """Whatever comes: who reads along knows in the end whether it is closed.

    The last change was held back for ever where the period, added to the time of the one before, was rounded down.
    """
    news, now = BreakerNews(PERIOD), 0.0
    told: list[tuple[float, str]] = []
    last = "closed"
    for seconds, state in steps:
        now += seconds
        last = state
        one = news.saw(changed(state), now)
        told += [(now, each.change.state) for each in ([] if one is None else [one])]
    told += [(now + PERIOD, each.change.state) for each in news.due(now + PERIOD)]
    assert all(later >= earlier + PERIOD for (earlier, _), (later, _) in pairwise(told))
    known = told[-1][1] if told else "closed"
    assert (known == "closed") is (last == "closed")
