"""The mock provider's rate limits: what is let in, and what the headers of each response say."""

import pytest

from streamproc.errors import SetupError
from streamproc.mock.asked import Asked
from streamproc.mock.behaviour import MockSettings
from streamproc.mock.dialects import ANTHROPIC, OLLAMA, OPENAI
from streamproc.mock.quota import Quota
from streamproc.mock.server import serve
from tests.unit.mock.wire import show

NOW = 1_764_000_000.0


def asked(model: str = "m", max_tokens: int = 90) -> Asked:
    """A request of 10 tokens."""
    return Asked(
        shape="openai_chat",
        model=model,
        input_tokens=10,
        max_tokens=max_tokens,
        is_streamed=False,
        wants_usage=True,
        request_hash="",
    )


def test_a_minute_s_worth_at_once_and_then_the_rate() -> None:
    """Of each model by itself; what is refused takes nothing."""
    quota = Quota(60, None)
    assert sum(not quota.take(asked(), OPENAI, NOW).is_refused for _ in range(70)) == 60
    assert not quota.take(asked("other"), OPENAI, NOW).is_refused
    assert [quota.take(asked(), OPENAI, NOW + 1).is_refused for _ in range(2)] == [False, True]


def test_tokens_are_reckoned_at_the_start() -> None:
    """The prompt and the most of the answer: 100 of 1,000 a minute."""
    quota = Quota(None, 1000)
    assert sum(not quota.take(asked(), OPENAI, NOW).is_refused for _ in range(12)) == 10
    assert dict(quota.take(asked(), OPENAI, NOW).fields)["retry-after"] == "6"


def test_each_api_tells_it_in_its_own_form() -> None:
    """OpenAI durations, Anthropic times to the second; Ollama nothing."""
    assert dict(Quota(60, None).take(asked(), OPENAI, NOW).fields) == {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "59",
        "x-ratelimit-reset-requests": "1000ms",
    }
    assert dict(Quota(None, 1000).take(asked(), ANTHROPIC, NOW).fields) == {
        "anthropic-ratelimit-tokens-limit": "1000",
        "anthropic-ratelimit-tokens-remaining": "900",
        "anthropic-ratelimit-tokens-reset": "2025-11-24T16:00:06Z",
    }
    assert Quota(60, 1000).take(asked(), OLLAMA, NOW).fields == ()
    assert Quota(None, None).take(asked(), OPENAI, NOW).fields == ()


async def test_it_stands_in_the_heads_of_answers_and_refusals() -> None:
    """Over HTTP; a refusal is on the bill as any error."""
    async with await serve(MockSettings(requests_per_minute=1), now=lambda: NOW) as mock:
        answer = await show(mock, "/v1/chat/completions", "mock", is_streamed=True)
        refusal = await show(mock, "/v1/chat/completions", "mock", is_streamed=False)
        assert (answer.status, answer.headers["x-ratelimit-remaining-requests"]) == (200, "0")
        assert (refusal.status, refusal.headers["retry-after"]) == (429, "60")
        assert refusal.call.outcome == "rate_limit_exceeded"


def test_a_limit_of_nothing_is_refused() -> None:
    """As a sentence."""
    with pytest.raises(SetupError, match="requests and tokens per minute"):
        MockSettings(requests_per_minute=0)
