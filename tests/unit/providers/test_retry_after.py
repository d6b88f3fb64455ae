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
    ],
)
def test_hint(headers: dict[str, str], expected: float | None) -> None:
    """Milliseconds go before seconds and dates; what is no time is no hint."""
    assert retry_after_seconds(headers, NOW) == (None if expected is None else pytest.approx(expected))
