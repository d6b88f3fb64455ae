"""How long a provider asks us to wait."""

import pytest

from streamproc.providers.retry_after import retry_after_seconds, should_retry, used_up_seconds

NOW = 1_000_000.0  # Mon, 12 Jan 1970 13:46:40 GMT


def anthropic(limit: str, remaining: str, reset: str) -> dict[str, str]:
    """What Anthropic says about one of its limits."""
    return {f"anthropic-ratelimit-{limit}-remaining": remaining, f"anthropic-ratelimit-{limit}-reset": reset}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250.5", "retry-after": "9"}, 0.2505),
        ({"retry-after-ms": "x", "retry-after": "9"}, 9),
        ({"retry-after": "Mon, 12 Jan 1970 13:46:50 GMT"}, 10),
        ({"retry-after": "Mon, 12 Jan 1970 13:46:30 GMT"}, 0),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Mon, 99 Jan 1970 13:46:30 GMT"}, None),
        ({"retry-after": "6m0s"}, 360),
        ({"retry-after": "1h0m1.5s"}, 3601.5),
        ({"retry-after": "12ms"}, 0.012),
        ({"retry-after": "6m0"}, None),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6m0s"}, 360),
        ({"x-ratelimit-remaining-tokens": "5", "x-ratelimit-reset-tokens": "6m0s"}, None),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "-1"}, None),
        ({"x-ratelimit-remaining-tokens": "0"}, None),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6m0s", "retry-after": "2"}, 2),
        (
            {
                "x-ratelimit-remaining-tokens": "0",
                "x-ratelimit-reset-tokens": "1s",
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-requests": "2s",
            },
            2,
        ),
        (anthropic("tokens", "0", "1970-01-12T13:46:45Z"), 5),
        (anthropic("output-tokens", "0", "1970-01-12T13:46:30Z"), 0),
        (anthropic("requests", "1", "1970-01-12T13:46:45Z"), None),
        (anthropic("requests", "0", "1970-01-12T13:46:45"), None),
        (anthropic("requests", "0", "soon"), None),
        ({"anthropic-ratelimit-requests-remaining": "0"}, None),
        ({**anthropic("requests", "0", "1970-01-12T13:46:45Z"), "retry-after": "1"}, 1),
    ],
)
def test_hint(headers: dict[str, str], expected: float | None) -> None:
    """Milliseconds go before seconds, dates and durations, and all before a limit that is used up; nonsense is no hint."""
    assert retry_after_seconds(headers, NOW) == (None if expected is None else pytest.approx(expected))


def test_what_is_used_up_is_told_beside_an_answer_too() -> None:
    """There nobody asks for a wait; but a call before the reset would be refused."""
    assert used_up_seconds(anthropic("tokens", "0", "1970-01-12T13:46:45Z"), NOW) == 5
    assert used_up_seconds({"retry-after": "3"}, NOW) is None


@pytest.mark.parametrize(("value", "expected"), [("true", True), ("false", False), ("maybe", None), (None, None)])
def test_whether_a_further_try_makes_sense(value: str | None, expected: bool | None) -> None:
    """As OpenAI and Anthropic say it."""
    assert should_retry({} if value is None else {"x-should-retry": value}) is expected
