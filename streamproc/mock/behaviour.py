"""What a request to the mock provider gets. Pure: settings, model name and chances in, a plan out.

A model's name can say how the mock behaves: `mock`, then any of these parts in any order, joined by hyphens.

| part        | meaning                                                                          |
|-------------|----------------------------------------------------------------------------------|
| `t100`      | the answer has 100 tokens                                                        |
| `i20`       | 20 ms between two tokens                                                         |
| `f50`       | the first token comes after 50 ms                                                |
| `e429`      | every call gets this HTTP status, 400 to 599                                     |
| `eonce429`  | the first call with the same body gets this status, later ones an answer         |
| `quota`     | 429 `insufficient_quota`, which retrying does not help                           |
| `cut40`     | the connection closes after 40 tokens, without the end marks                     |
| `cutonce40` | the first call with the same body is cut after 40 tokens, later ones are not     |
| `nousage`   | the answer carries no usage, although it was asked for                           |

`mock-t100-i20-f50` is an example. What a name does not say comes from the settings; a name outside this grammar is
answered by the settings alone. `error_rate` and `cut_rate` apply to models whose name plans no fault.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from streamproc.errors import SetupError
from streamproc.mock.api_error import ApiError, error_of_status, quota_error

__all__ = ["Behaviour", "MockSettings", "Plan", "behaviour_of", "plan_answer"]

_PART = re.compile(r"(t|i|f|eonce|e|cutonce|cut)([0-9]{1,7})|quota|nousage", re.ASCII)


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
        retry_after_seconds: hint sent with every 429 and 503; None sends none.
        seed: makes the two rates repeatable.
        models: names for the list of models; others are answered too.
        keep_calls: how many of the last calls the stats can list.
    """

    tokens: int = 50
    interval_seconds: float = 0.02
    first_token_seconds: float = 0.05
    error_rate: float = 0.0
    error_status: int = 500
    cut_rate: float = 0.0
    retry_after_seconds: float | None = None
    seed: int = 0
    models: tuple[str, ...] = ("mock", "mock-t100-i20-f50")
    keep_calls: int = 100_000

    def __post_init__(self) -> None:
        amounts = (self.tokens, self.interval_seconds, self.first_token_seconds, self.keep_calls)
        if not all(0 <= amount < math.inf for amount in amounts):  # NaN is not, either
            raise SetupError("mock provider: tokens, interval, first token and keep_calls must be numbers from 0 on")
        if not (0 <= self.error_rate <= 1 and 0 <= self.cut_rate <= 1):
            raise SetupError("mock provider: error_rate and cut_rate must lie between 0 and 1")
        if not _is_error(self.error_status):
            raise SetupError("mock provider: error_status must lie between 400 and 599")


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a model behaves, by its name and the settings."""

    tokens: int
    interval_seconds: float
    first_token_seconds: float
    error: ApiError | None = None
    error_once: bool = False
    cut_after: int | None = None
    cut_once: bool = False
    sends_usage: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """One answer: `tokens` words at their times, then the end marks, unless it is cut after `cut_after` words."""

    tokens: int
    interval_seconds: float
    first_token_seconds: float
    finish_reason: str
    cut_after: int | None
    sends_usage: bool


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
    number = int(match[2] or 0)
    changes: dict[str, Any] | None
    match match[1] or part:
        case "t":
            changes = {"tokens": number}
        case "i":
            changes = {"interval_seconds": number / 1000}
        case "f":
            changes = {"first_token_seconds": number / 1000}
        case ("e" | "eonce") as kind:
            error = error_of_status(number) if _is_error(number) else None
            changes = {"error": error, "error_once": kind == "eonce"} if error else None
        case "quota":
            changes = {"error": quota_error()}
        case "nousage":
            changes = {"sends_usage": False}
        case kind:
            changes = {"cut_after": number, "cut_once": kind == "cutonce"}
    return replace(behaviour, **changes) if changes else None


def _is_error(status: int) -> bool:
    return 400 <= status <= 599  # noqa: PLR2004 the error statuses of HTTP


def plan_answer(
    model: str,
    max_tokens: int | None,
    settings: MockSettings,
    *,
    is_repeated: bool,
    chance: Callable[[], float],
) -> Plan | ApiError:
    """Decides what a call gets.

    Args:
        model: the model's name.
        max_tokens: limit in the request, or None.
        settings: the defaults.
        is_repeated: whether a call with the same body came before.
        chance: a seeded source of numbers from 0 up to 1.
    """
    behaviour = behaviour_of(model, settings)
    if behaviour.error is not None and not (behaviour.error_once and is_repeated):
        return behaviour.error
    tokens = behaviour.tokens if max_tokens is None else min(behaviour.tokens, max_tokens)
    cut_after = None if behaviour.cut_once and is_repeated else behaviour.cut_after
    if behaviour.error is None and behaviour.cut_after is None:
        # Both chances are taken in any case, so that one rate does not shift the outcome of the other.
        errs, cuts, place = chance() < settings.error_rate, chance() < settings.cut_rate, chance()
        if errs:
            return error_of_status(settings.error_status)
        cut_after = int(place * tokens) if cuts else None
    return Plan(
        tokens=tokens,
        interval_seconds=behaviour.interval_seconds,
        first_token_seconds=behaviour.first_token_seconds,
        finish_reason="length" if tokens < behaviour.tokens else "stop",
        cut_after=None if cut_after is None else min(cut_after, tokens),
        sends_usage=behaviour.sends_usage,
    )
