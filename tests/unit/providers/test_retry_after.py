"""How long a provider asks us to wait."""

import pytest

from streamproc.providers.retry_after import retry_after_seconds

NOW = 1_000_000.0  # Mon, 12 Jan 1970 13:46:40 GMT


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
    ],
)
def test_hint(headers: dict[str, str], expected: float | None) -> None:
    """Milliseconds go before seconds, dates and durations, and all before a limit that is used up; nonsense is no hint."""
    assert retry_after_seconds(headers, NOW) == (None if expected is None else pytest.approx(expected))
