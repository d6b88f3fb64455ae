"""The estimate: what a file of requests would cost as a service, from what each of them costs. Pure."""

from collections.abc import Sequence
from fractions import Fraction
from math import ceil
from typing import NamedTuple

__all__ = ["DAYS_A_MONTH", "Asked", "Figures", "Load", "figures"]

DAYS_A_MONTH = 30
"""Of an estimate; a real month has up to 3.3 % more."""


class Asked(NamedTuple):
    """One request on one model.

    Attributes:
        input: tokens expected; None: an image has no known size.
        output: tokens expected.
        nanos: what it is expected to cost; None: not known.
        most_nanos: the most it can cost, by its upper bound.
    """

    input: int | None
    output: int
    nanos: int | None
    most_nanos: int | None


class Load(NamedTuple):
    """How much of it there will be.

    Attributes:
        requests_per_day: of all requests of the file together.
        hit_rate: the share of requests that a cache answers, from 0 to 1; those cost nothing.
        scale: a factor, for the day when there is more.
    """

    requests_per_day: Fraction
    hit_rate: Fraction
    scale: Fraction


class Figures(NamedTuple):
    """What they cost, in nano-dollars, each rounded up; None: not known, because `unknown` requests have no cost.

    `mean`, `p50`, `p95` are of one call, `worst` is the dearest upper bound, and `all_worst` all of them together, each
    request made once; `day` and `month` go with the load, and `scaled` is a month of it at scale. `input` and `output`
    are mean tokens.
    """

    requests: int
    unknown: int
    input: int | None
    output: int
    mean: int | None
    p50: int | None
    p95: int | None
    worst: int | None
    all_worst: int | None
    day: int | None
    month: int | None
    scaled: int | None


def figures(asked: Sequence[Asked], load: Load, share: Fraction = Fraction(1)) -> Figures:
    """Adds up at least one request; `share` is the part of the load that they stand for."""
    count = len(asked)
    inputs = [one.input for one in asked if one.input is not None]
    costs = sorted(one.nanos for one in asked if one.nanos is not None)
    bounds = [one.most_nanos for one in asked if one.most_nanos is not None]
    unknown = count - len(costs)
    mean = None if unknown else Fraction(sum(costs), count)
    calls = load.requests_per_day * share * (1 - load.hit_rate)
    day = None if mean is None else mean * calls
    month = None if day is None else day * DAYS_A_MONTH
    return Figures(
        requests=count,
        unknown=unknown,
        input=ceil(Fraction(sum(inputs), count)) if len(inputs) == count else None,
        output=ceil(Fraction(sum(one.output for one in asked), count)),
        mean=_up(mean),
        p50=None if unknown else _rank(costs, 50),
        p95=None if unknown else _rank(costs, 95),
        worst=max(bounds) if len(bounds) == count else None,
        all_worst=sum(bounds) if len(bounds) == count else None,
        day=_up(day),
        month=_up(month),
        scaled=None if month is None else ceil(month * load.scale),
    )


def _up(amount: Fraction | None) -> int | None:
    return None if amount is None else ceil(amount)


def _rank(ascending: Sequence[int], percent: int) -> int:
    """The nearest rank: the smallest cost that so many percent of the requests do not pass."""
    return ascending[max(ceil(len(ascending) * percent / 100), 1) - 1]
