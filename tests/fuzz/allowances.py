"""What the headers of answers say is left of a limit: numbers that can be reckoned with, and a wait with an end."""

import math

from streamproc.chain.allowance import Allowances
from streamproc.providers.rate_limits import left_of
from tests.fuzz.target import Target

__all__ = ["RATE_LIMITS"]

_NOW = 1_000_000.0
_PATIENCE_SECONDS = 60.0
_NAMES = (
    "x-ratelimit-limit-requests",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-requests",
    "x-ratelimit-limit-tokens",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-tokens",
    "anthropic-ratelimit-requests-limit",
    "anthropic-ratelimit-requests-remaining",
    "anthropic-ratelimit-requests-reset",
    "anthropic-ratelimit-input-tokens-limit",
    "anthropic-ratelimit-input-tokens-remaining",
    "anthropic-ratelimit-input-tokens-reset",
)


def _check(data: bytes) -> None:
    """Each line is the value of a header, in the order of `_NAMES` again and again: an answer each time round."""
    lines = data.decode("latin-1").split("\n")
    allowances, now = Allowances(_PATIENCE_SECONDS), 0.0
    for begin in range(0, len(lines), len(_NAMES)):
        headers = dict(zip(_NAMES, lines[begin:], strict=False))
        mark = allowances.enter(100, now)
        now += 0.5
        left = left_of(headers, _NOW)
        for said in filter(None, left):
            assert all(math.isfinite(value) and value >= 0 for value in said if value is not None)
        pause = allowances.told(left, mark, now)
        assert pause is None or (math.isfinite(pause) and pause >= 0)
        for wait in allowances.wait_seconds(100, now):
            assert 0 <= wait <= _PATIENCE_SECONDS


RATE_LIMITS = Target(
    _check,
    (
        b"60\n59\n1s\n150000\n149984\n6m0s\n",
        b"10\n0\n1h0m1.5s\n\n0\n250ms\n",
        b"\n\n\n\n\n\n50\n49\n1970-01-12T13:46:50Z\n40000\n0\n1970-01-12T14:46:40+01:00\n50\n1\n1970-01-12T13:50:00Z",
    ),
    (b"6m0s", b"1h", b"ms", b"\xb5s", b"nan", b"inf", b"1e308", b"1e-320", b"_", b"0001-01-01T00:00:00+14:00", b"Z"),
)
