"""What a request to the mock provider gets. Pure: settings, model name and chances in, a plan out.

A model's name can say how the mock behaves: `mock`, then any of these parts in any order, joined by hyphens.

| part    | meaning                                                            |
|---------|--------------------------------------------------------------------|
| `t100`  | the answer has 100 tokens                                          |
| `i20`   | 20 ms between two tokens                                           |
| `f50`   | the first token comes after 50 ms                                  |
| `r30`   | 30 tokens of reasoning come before the answer                      |
| `c12`   | 12 tokens of the input were read from a cache, if there are so many |
| `w8`    | 8 further tokens of it were written to a cache                     |
| a fault | its name and, where it takes one, its number: `cut40`, `e429`      |

`mock-t100-i20-f50` is an example. `once` behind a fault's name (`cutonce40`, `quotaonce`) shows it to the first call
with the same body only. The faults stand in `faults.catalogue`; one that cannot happen in a shape leaves the answer as
it is. What a name does not say comes from the settings; a name outside this grammar is answered by the settings alone.
The rates of the settings apply to models whose name plans no fault.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from streamproc.errors import SetupError
from streamproc.mock.asked import Asked
from streamproc.mock.faults.catalogue import FAULTS, FaultShare, pick, planned
from streamproc.mock.faults.fault import Planned
from streamproc.mock.shapes.shape import Shape

__all__ = ["Behaviour", "MockSettings", "Plan", "behaviour_of", "plan_answer"]

_PART = re.compile(r"([a-z]+?)(once)?([0-9]{1,7})?", re.ASCII)

_AMOUNTS: Mapping[str, tuple[str, float]] = MappingProxyType(
    {
        "t": ("tokens", 1),
        "i": ("interval_seconds", 0.001),
        "f": ("first_token_seconds", 0.001),
        "r": ("reasoning_tokens", 1),
        "c": ("cached_tokens", 1),
        "w": ("cache_write_tokens", 1),
    }
)


@dataclass(frozen=True, slots=True)
class MockSettings:
    """Defaults for models whose name says nothing else.

    Attributes:
        tokens: tokens of an answer, unless the request allows fewer.
        interval_seconds: between two tokens.
        first_token_seconds: from the request to the first token.
        error_rate: share of calls, 0 to 1, that get `error_status`.
        error_status: HTTP status of these, 400 to 599.
        cut_rate: share of answers, 0 to 1, that are cut after a random number of tokens.
        faults: shares of calls that show a fault; a call shows one of them at most.
        retry_after_seconds: hint sent with every 429 and 503 that has none of its own; None sends none.
        requests_per_minute: more requests to one model get a 429; every response tells what is left.
        tokens_per_minute: the same for tokens, reckoned at the start of a call.
        seed: makes the rates repeatable.
        models: names for the list of models; others are answered too.
        keep_calls: how many of the last calls the stats can list.
    """

    tokens: int = 50
    interval_seconds: float = 0.02
    first_token_seconds: float = 0.05
    error_rate: float = 0.0
    error_status: int = 500
    cut_rate: float = 0.0
    faults: tuple[FaultShare, ...] = ()
    retry_after_seconds: float | None = None
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    seed: int = 0
    models: tuple[str, ...] = ("mock", "mock-t100-i20-f50")
    keep_calls: int = 100_000

    def __post_init__(self) -> None:
        amounts = (self.tokens, self.interval_seconds, self.first_token_seconds, self.keep_calls)
        if not all(0 <= amount < math.inf for amount in amounts):  # NaN is not, either
            raise SetupError("mock provider: tokens, interval, first token and keep_calls must be numbers from 0 on")
        if not (0 <= self.error_rate <= 1 and 0 <= self.cut_rate <= 1):
            raise SetupError("mock provider: error_rate and cut_rate must lie between 0 and 1")
        if planned("e", str(self.error_status)) is None:
            raise SetupError("mock provider: error_status must lie between 400 and 599")
        if not all(
            limit is None or 1 <= limit < math.inf for limit in (self.requests_per_minute, self.tokens_per_minute)
        ):
            raise SetupError("mock provider: requests and tokens per minute must be numbers from 1 on")
        if sum(share.rate for share in self.faults) > 1 + 1e-9:
            raise SetupError("mock provider: the rates of the faults add up to more than 1")


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a model behaves, by its name and the settings. `once` are faults for the first call with the same body."""

    tokens: int
    interval_seconds: float
    first_token_seconds: float
    reasoning_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    faults: tuple[Planned, ...] = ()
    once: tuple[Planned, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """One answer: so many words at their times, and the faults that disturb it."""

    tokens: int
    interval_seconds: float
    first_token_seconds: float
    is_limited: bool = False
    reasoning_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    faults: tuple[Planned, ...] = ()


def behaviour_of(model: str, settings: MockSettings) -> Behaviour:
    """Reads the model's name."""
    ordinary = Behaviour(settings.tokens, settings.interval_seconds, settings.first_token_seconds)
    head, *parts = model.split("-")
    named: Behaviour | None = ordinary if head == "mock" else None
    for part in parts:
        named = _with_part(named, part) if named else None
    return named or ordinary


def _with_part(behaviour: Behaviour, part: str) -> Behaviour | None:
    match = _PART.fullmatch(part)
    if match is None:
        return None
    name, once, number = match.groups()
    if name in _AMOUNTS and number is not None and once is None:
        field, unit = _AMOUNTS[name]
        changes: dict[str, Any] = {field: int(number) * unit}
        return replace(behaviour, **changes)
    fault = planned(name, number)
    if fault is None:
        return None
    if once:
        return replace(behaviour, once=(*behaviour.once, fault))
    return replace(behaviour, faults=(*behaviour.faults, fault))


def plan_answer(
    asked: Asked, shape: Shape, settings: MockSettings, *, is_repeated: bool, chance: Callable[[], float]
) -> Plan:
    """Decides what a call gets.

    Args:
        asked: the request.
        shape: the API shape it came in.
        settings: the defaults.
        is_repeated: whether a call with the same body came before.
        chance: a seeded source of numbers from 0 up to 1.
    """
    behaviour = behaviour_of(asked.model, settings)
    limit = math.inf if asked.max_tokens is None else asked.max_tokens
    reasoning = int(min(behaviour.reasoning_tokens, limit)) if shape.has_words else 0
    tokens = int(min(behaviour.tokens, limit - reasoning)) if shape.has_words and not asked.only_loads else 0
    faults = behaviour.faults + (() if is_repeated else behaviour.once)
    if not (behaviour.faults or behaviour.once):
        faults = _by_chance(asked, shape, settings, tokens, chance)
    cached = min(behaviour.cached_tokens, asked.input_tokens)
    return Plan(
        tokens=tokens,
        interval_seconds=behaviour.interval_seconds,
        first_token_seconds=behaviour.first_token_seconds,
        is_limited=reasoning + tokens < behaviour.reasoning_tokens + behaviour.tokens,
        reasoning_tokens=0 if asked.only_loads else reasoning,
        cached_tokens=cached,
        cache_write_tokens=min(behaviour.cache_write_tokens, asked.input_tokens - cached),
        faults=tuple(fault for fault in faults if fault.fault.applies(shape, is_streamed=asked.is_streamed)),
    )


def _by_chance(
    asked: Asked, shape: Shape, settings: MockSettings, tokens: int, chance: Callable[[], float]
) -> tuple[Planned, ...]:
    # All chances are taken in any case, so that one rate does not shift the outcome of the other.
    errs, cuts, place = chance() < settings.error_rate, chance() < settings.cut_rate, chance()
    if errs:
        return (Planned(FAULTS["e"], settings.error_status),)
    if cuts:
        return (Planned(FAULTS["cut"], int(place * tokens)),)
    picked = pick(settings.faults, shape, chance, is_streamed=asked.is_streamed) if settings.faults else None
    return () if picked is None else (picked,)
