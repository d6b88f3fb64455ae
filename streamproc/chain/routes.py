"""The choice of a variant: whether its conditions hold, and which of several with the same conditions it is. Pure."""

import hashlib
from collections.abc import Callable, Mapping
from math import ceil, log
from typing import NamedTuple

from streamproc.chain.plan import Asked
from streamproc.money.dollars import nanos
from streamproc.records.image import data_of
from streamproc.records.request import Request
from streamproc.settings.routes import Sticky, WhenSettings

__all__ = ["Rule", "SpentShare", "Surroundings", "holds", "pick", "prompt_tokens", "sticky_key"]

Rule = Callable[[Request], bool]
"""A user's own condition."""

SpentShare = Callable[[str, str | None, str | None], float | None]
"""How much is spent of the budgets that cover a tenant, its user and a feature: the largest share; None: not known."""

_BYTES_PER_TOKEN = 4
_BITS = 53  # of a float's fraction: each such number is a point of its own


class Surroundings(NamedTuple):
    """What conditions look at beside the request. What takes a while to find out is asked for only where it counts.

    Attributes:
        now: unix seconds.
        most_nanos: the most that the call can cost with the variant's first model; None: not known.
        spent_share: the largest share that is spent of a budget that covers the request; None: not known.
        rule: whether the variant's own rule holds.
    """

    now: float
    most_nanos: Callable[[], int | None]
    spent_share: Callable[[], float | None]
    rule: Callable[[], bool]


def holds(when: WhenSettings, asked: Asked, around: Surroundings) -> bool:
    """Whether all conditions that are stated hold. What is not known fulfils none."""
    request = asked.request
    form = request.response_format
    has = {
        "tools": bool(request.tools),
        "images": bool(request.images()) if when.images is not None else False,
        "json_schema": form is not None and form.json_schema is not None,
    }
    if any(getattr(when, name) not in (None, there) for name, there in has.items()):
        return False
    if not _is_within(when.min_prompt_tokens, when.max_prompt_tokens, lambda: prompt_tokens(asked)):
        return False
    if not _is_within(when.min_seconds_left, when.max_seconds_left, lambda: asked.deadline - around.now):
        return False
    if when.max_usd is not None and not _is_within(None, nanos(when.max_usd), around.most_nanos):
        return False
    if not _is_within(when.spent_share, None, around.spent_share):
        return False
    return when.rule is None or around.rule()


def _is_within(least: float | None, most: float | None, found: Callable[[], float | None]) -> bool:
    if least is None and most is None:
        return True
    value = found()
    return value is not None and (least is None or value >= least) and (most is None or value <= most)


def prompt_tokens(asked: Asked) -> int:
    """An estimate: a token for four bytes of the request's record, without the data of its images."""
    data = sum(len(image.url) for image in asked.request.images() if data_of(image.url) is not None)
    return ceil(max(asked.size_bytes - data, 0) / _BYTES_PER_TOKEN)


def sticky_key(sticky: Sticky, asked: Asked) -> str:
    """Who stays with one variant. A run that begins anew, on whichever worker, has the same key."""
    if sticky == "request":
        return asked.run_id
    if sticky == "user" and asked.request.user is not None:
        return f"{asked.tenant}\0{asked.request.user}"  # two tenants may have a user of one name
    return asked.tenant


def pick(route: str, key: str, weights: Mapping[str, float]) -> str | None:
    """One of these variants, each as often as its weight says; the same one for the same key.

    Each variant draws a number of its own for the key, and the best one wins (weighted rendezvous hashing). So when a
    weight grows, or a variant comes, keys move to that one only; when it shrinks or goes, they move only away from it.
    Source: Schindelhauer and Schomaker, "Weighted distributed hash tables", 2005 (the logarithmic method).
    Returns None when no weight is above 0.
    """
    able = [name for name, weight in weights.items() if weight > 0]
    if len(able) <= 1:
        return next(iter(able), None)
    return min(able, key=lambda name: -log(_point(route, name, key)) / weights[name])


def _point(*words: str) -> float:
    """A point between 0 and 1, neither included."""
    digest = hashlib.blake2b("\0".join(words).encode(), digest_size=8).digest()
    return ((int.from_bytes(digest) >> (64 - _BITS)) + 0.5) / float(2**_BITS)
