"""The cost of a call and its upper bound, from rates and token counts, in integer nano-dollars.

Rounding: sums are exact in pico-dollars and rounded up once per call, to whole nano-dollars.
"""

from streamproc.money.rates import Rates
from streamproc.records.usage import TokenCounts

__all__ = [
    "COUNTED_ALLOWANCE_TOKENS",
    "HIDDEN_ALLOWANCE_TOKENS",
    "cost_nanos",
    "upper_bound_nanos",
    "upper_bound_tokens",
]

_PICOS_PER_NANO = 1000

HIDDEN_ALLOWANCE_TOKENS = 1024
"""For text a provider adds by itself: a default system prompt, or one that explains tools; a few hundred tokens where
providers tell.

What a chat template puts around each message needs no allowance where bytes are counted: in the serialised request
`{"role":"user","content":""}` stands around each, 28 bytes against about 4 to 10 tokens.
"""

COUNTED_ALLOWANCE_TOKENS = 128
"""Beside a prompt counted exactly: OpenAI does not document how it writes tools and schemas into the prompt."""


def cost_nanos(rates: Rates, tokens: TokenCounts) -> int | None:
    """What these tokens cost; None when input or output is not known.

    Cached, written and reasoning tokens that are not known count as none, so their tokens cost the plain rate.
    Parts that exceed their whole are a provider's slip: they are cut to it, the cached ones first.
    """
    if tokens.input is None or tokens.output is None:
        return None
    step = rates.step(tokens.input)
    cached = min(tokens.cached_input or 0, tokens.input)
    written = min(tokens.cache_write or 0, tokens.input - cached)
    reasoning = min(tokens.reasoning or 0, tokens.output)
    return _nanos(
        step.request
        + (tokens.input - cached - written) * step.input
        + cached * step.cached_input
        + written * step.cache_write
        + (tokens.output - reasoning) * step.output
        + reasoning * step.reasoning
    )


def upper_bound_tokens(*, prompt_bytes: int, prompt_tokens: int | None, max_output_tokens: int) -> TokenCounts:
    """The most tokens a call can use.

    Input tokens are at most `prompt_tokens`, the exact count of the prompt, plus `COUNTED_ALLOWANCE_TOKENS`; without
    one (None) at most `prompt_bytes`, the UTF-8 length of the serialised request, plus `HIDDEN_ALLOWANCE_TOKENS`,
    because a token stands for at least one byte. Output, reasoning included, is at most `max_output_tokens`.
    """
    return TokenCounts(input=_most_input(prompt_bytes, prompt_tokens), output=max_output_tokens)


def upper_bound_nanos(rates: Rates, *, prompt_bytes: int, prompt_tokens: int | None, max_output_tokens: int) -> int:
    """The most a call can cost, whatever it finds in caches and whichever step it reaches.

    Tokens as in `upper_bound_tokens`.
    """
    dearest_input = max(max(step.input, step.cached_input, step.cache_write) for step in rates.steps)
    dearest_output = max(max(step.output, step.reasoning) for step in rates.steps)
    dearest_request = max(step.request for step in rates.steps)
    return _nanos(
        dearest_request + _most_input(prompt_bytes, prompt_tokens) * dearest_input + max_output_tokens * dearest_output
    )


def _most_input(prompt_bytes: int, prompt_tokens: int | None) -> int:
    if prompt_tokens is None:
        return prompt_bytes + HIDDEN_ALLOWANCE_TOKENS
    return prompt_tokens + COUNTED_ALLOWANCE_TOKENS


def _nanos(picos: int) -> int:
    return -(-picos // _PICOS_PER_NANO)
