"""Usage of OpenAI's APIs: the same figures, under two pairs of names."""

from typing import Any, Literal

from streamproc.providers.fields import count, part
from streamproc.records.usage import TokenCounts

__all__ = ["token_counts"]


def token_counts(
    usage: Any,
    input_name: Literal["prompt_tokens", "input_tokens"] = "prompt_tokens",
    output_name: Literal["completion_tokens", "output_tokens"] = "completion_tokens",
) -> TokenCounts | None:
    """The provider's usage; a figure that is missing or makes no sense is None, and so is a usage without figures."""
    if not isinstance(usage, dict):
        return None
    details_in = usage.get(f"{input_name}_details")
    details_out = usage.get(f"{output_name}_details")
    tokens_in = count(usage, input_name)
    tokens_out = count(usage, output_name)
    if tokens_in is None and tokens_out is None:
        return None
    reasoning = count(details_out, "reasoning_tokens")
    if (
        tokens_in
        and tokens_out is not None
        and reasoning
        and usage.get("total_tokens") == tokens_in + tokens_out + reasoning
    ):
        tokens_out += reasoning  # a server that counts reasoning beside its output (xAI)
    return TokenCounts(
        input=tokens_in,
        output=tokens_out,
        cached_input=part(count(details_in, "cached_tokens"), tokens_in),
        cache_write=part(count(details_in, "cache_write_tokens"), tokens_in),
        reasoning=part(reasoning, tokens_out),
    )
