"""What headers say is left, as OpenAI, Anthropic and Azure write them."""

import pytest

from streamproc.chain.allowance import Left, Remaining
from streamproc.providers.rate_limits import left_of

NOW = 1_000_000.0  # 1970-01-12T13:46:40Z


def openai(limit: str, whole: str, remaining: str, reset: str) -> dict[str, str]:
    """OpenAI's three of one limit."""
    names = {"limit": whole, "remaining": remaining, "reset": reset}
    return {f"x-ratelimit-{name}-{limit}": value for name, value in names.items()}


def anthropic(limit: str, whole: str, remaining: str, reset: str) -> dict[str, str]:
    """Anthropic's three of one limit."""
    names = {"limit": whole, "remaining": remaining, "reset": reset}
    return {f"anthropic-ratelimit-{limit}-{name}": value for name, value in names.items()}


IN_5_S = "1970-01-12T13:46:45Z"


@pytest.mark.parametrize(
    ("headers", "left"),
    [
        ({}, Left(None, None)),
        (openai("requests", "60", "59", "1s"), Left(Remaining(60, 59, 1), None)),
        (openai("tokens", "150000", "149984", "6ms"), Left(None, Remaining(150_000, 149_984, 0.006))),
        (
            openai("tokens", "9", "8", "1s") | openai("project-tokens", "9", "2", "6m0s"),
            Left(None, Remaining(9, 2, 360)),
        ),
        (anthropic("requests", "50", "49", IN_5_S), Left(Remaining(50, 49, 5), None)),
        (
            anthropic("input-tokens", "40000", "39000", IN_5_S) | anthropic("output-tokens", "8000", "7000", IN_5_S),
            Left(None, Remaining(8000, 7000, 5)),
        ),
        (
            {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "2s"},
            Left(Remaining(None, 0, 2), None),
        ),
        ({"x-ratelimit-remaining-requests": "0"}, Left(None, None)),
        (openai("requests", "-1", "-1", "0"), Left(None, None)),
        (openai("requests", "x", "0", "2s"), Left(Remaining(None, 0, 2), None)),
        (openai("requests", "60", "0", "soon"), Left(None, None)),
        (anthropic("requests", "50", "0", "1970-01-12T13:46:45"), Left(None, None)),
    ],
)
def test_what_is_left(headers: dict[str, str], left: Left) -> None:
    """Nothing is made of what is not a number, has no reset or no time zone."""
    assert left_of(headers, NOW) == left
