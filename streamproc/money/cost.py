"""The cost of a call, from rates and token counts, in integer nano-dollars.

Rounding: sums are exact in pico-dollars and rounded up once per call, to whole nano-dollars.
"""

from collections.abc import Iterable

from streamproc.money.rates import Rates, Step
from streamproc.records.usage import TokenCounts

__all__ = ["cost_nanos", "dearest_nanos", "sum_nanos"]

_PICOS_PER_NANO = 1000


def cost_nanos(rates: Rates, tokens: TokenCounts, tier: str | None = None) -> int | None:
    """What these tokens cost on a service tier, the standard one for None.

    None when input or output is not known, or something was used whose price is not. Cached, written and reasoning
    tokens that are not known count as none, so their tokens cost the plain rate; searches that are not known count as
    none, too. Parts that exceed their whole are a provider's slip: they are cut to it, the cached ones first.
    """
    steps = rates.on(tier)
    if steps is None or tokens.input is None or tokens.output is None:
        return None
    step = _reached(steps, tokens.input)
    charges: list[tuple[int, int | None]] = [(1, step.request)]
    plain, output = tokens.input, tokens.output
    if tokens.cached_input or tokens.cache_write or tokens.cache_write_1h:
        cached = min(tokens.cached_input or 0, plain)
        hour = tokens.cache_write_1h or 0
        written = min(hour if tokens.cache_write is None else tokens.cache_write, plain - cached)
        hour = min(hour, written)
        plain -= cached + written
        charges += (cached, step.cached_input), (written - hour, step.cache_write), (hour, step.cache_write_1h)
    if tokens.reasoning:
        reasoning = min(tokens.reasoning, output)
        output -= reasoning
        charges.append((reasoning, step.reasoning))
    if tokens.web_searches:
        charges.append((tokens.web_searches, step.web_search))
    charges += (plain, step.input), (output, step.output)
    return sum_nanos(charges)


def dearest_nanos(rates: Rates, tokens: TokenCounts, tiers: Iterable[str]) -> int | None:
    """The most that these tokens can have cost on one of several service tiers; None when one is not known."""
    dearest = 0
    for tier in tiers:
        cost = cost_nanos(rates, tokens, tier)
        if cost is None:
            return None
        dearest = max(dearest, cost)
    return dearest


def sum_nanos(charges: Iterable[tuple[int, int | None]]) -> int | None:
    """Nano-dollars of so many pieces at so many pico-dollars each; None when pieces have no known price."""
    total = 0
    for count, price in charges:
        if count == 0:
            continue
        if price is None:
            return None
        total += count * price
    return -(-total // _PICOS_PER_NANO)


def _reached(steps: tuple[Step, ...], input_tokens: int) -> Step:
    reached = steps[0]
    for step in steps[1:]:
        if input_tokens <= step.above_input_tokens:
            break
        reached = step
    return reached
