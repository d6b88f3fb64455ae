"""The rules of the cache: who may have a stored answer, under which key, how old, and which are stored. Pure."""

import hashlib
from typing import NamedTuple

from streamproc.chain.provider import Completed
from streamproc.records.request import CacheMode, Request
from streamproc.stores.store import StoreKey

__all__ = ["CacheRules", "flight_key_of", "is_kept", "key_of", "mode_of", "ttl_of"]

_KEPT = frozenset({"stop", "tool_calls"})


class CacheRules(NamedTuple):
    """Bounds from the settings.

    `ttl_seconds` is for requests that do not say; `max_entry_bytes` are those of an answer as JSON, above
    `compress_above_bytes` it is packed. Beyond its time an answer is kept for `stale_seconds`.
    """

    ttl_seconds: float
    max_ttl_seconds: float
    max_entry_bytes: int
    compress_above_bytes: int
    stale_seconds: float = 0.0


def mode_of(request: Request) -> CacheMode:
    """What the request says. One that says nothing may have a stored answer, unless it wants answers that differ.

    It does with a temperature above 0 of its own and no seed: who samples several answers would get the same one.
    """
    if request.cache is not None:
        return request.cache
    return "off" if request.temperature and request.seed is None else "use"


def ttl_of(request: Request, rules: CacheRules) -> float:
    """Seconds that the answer is kept."""
    return min(request.cache_ttl_seconds or rules.ttl_seconds, rules.max_ttl_seconds)


def key_of(tenant: str, variant: str, max_output_tokens: int, input_hash: str) -> StoreKey:
    """The key of an answer from a variant, which is a name of who answers.

    The input hash covers the request; the most tokens of an answer may come from the settings, and stand here.
    """
    shape = "\0".join((tenant, variant, str(max_output_tokens), input_hash))
    return StoreKey(tenant, hashlib.sha256(shape.encode()).hexdigest())


def flight_key_of(key: StoreKey, request: Request) -> StoreKey:
    """The key of the call that such a request may follow.

    Who wants tokens as they come cannot follow a call that gives them all at the end.
    """
    return key if request.stream else StoreKey(key.tenant, f"{key.digest}/whole")


def is_kept(completed: Completed) -> bool:
    """Whether an answer is stored: only one that its model ended by itself.

    One that was cut at its most tokens (`length`), or refused (`content_filter`), may do better the next time.
    """
    return completed.finish_reason in _KEPT
