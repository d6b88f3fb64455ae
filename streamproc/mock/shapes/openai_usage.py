"""The usage object of OpenAI's older shapes (Chat Completions and completions)."""

from typing import Any

from streamproc.mock.answer import Answer, tell

__all__ = ["openai_usage"]


def openai_usage(answer: Answer, tokens: int) -> dict[str, Any] | None:
    """Counts after so many words. The input includes what the cache read."""
    usage = answer.usage(tokens)
    figures = {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {
            "cached_tokens": usage.cached,
            "cache_write_tokens": usage.cache_write,
            "audio_tokens": 0,
        },
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
    return tell(answer.usage_form, figures)
