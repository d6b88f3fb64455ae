"""The store that leases of limits come from: Redis, one script for all orders of a process. Redis' own clock counts."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha1
from importlib.resources import files
from typing import Any, NamedTuple

import orjson

from streamproc.errors import StreamprocError
from streamproc.stores.redis import connect, redis_errors

__all__ = ["LeaseStore", "Leased", "StoreAway"]

_HOLD_SECONDS = 10.0
"""A process that died, or is frozen for so long, holds its slots no longer."""

_SEEN_SECONDS = 3.0
"""A process that was not heard of for so long shares no more; and who speaks each second has spoken within it."""


class StoreAway(StreamprocError):
    """Redis does not answer, or not with an answer; whether it carried the orders out is not known."""


class Leased(NamedTuple):
    """How many processes share, and for each order seven words: requests, wait, mark, tokens, wait, mark, slots."""

    workers: int
    grants: Sequence[Sequence[bytes]]


class LeaseStore:
    """One for a process. All keys have a common tag, so they live on one server of a cluster, too."""

    def __init__(self, url: str, tag: str, process: str, timeout_seconds: float) -> None:
        """Connects to nothing yet. `tag` tells groups of processes apart, `process` is this one's own name."""
        self._url = url
        self._tag = tag
        self._process = process
        self._timeout_seconds = timeout_seconds
        self._client: Any = None
        self._errors: tuple[type[Exception], ...] = ()
        self._text = files("streamproc.stores").joinpath("leases.lua").read_text(encoding="utf-8")
        self._sha = sha1(self._text.encode(), usedforsecurity=False).hexdigest()  # Redis' own name for a script

    def load(self) -> None:
        """Imports the client, which takes 0.4 s: call it in a thread.

        Raises:
            SetupError: it is not installed, or the URL is none.
        """
        self._client = connect(self._url, self._timeout_seconds, "shared_limits.redis_url")
        self._errors = redis_errors()

    async def lease(self, scopes: Sequence[str], orders: Sequence[dict[str, Any]]) -> Leased:
        """Carries orders out, each on its scope; also none, to be seen.

        Raises:
            StoreAway: Redis does not answer.
        """
        keys = [f"{{{self._tag}}}:{name}" for name in ("born", "seen", *(f"of:{scope}" for scope in scopes))]
        given = (self._process, int(_HOLD_SECONDS * 1e6), int(_SEEN_SECONDS * 1e6), orjson.dumps(orders))
        try:
            async with asyncio.timeout(self._timeout_seconds):
                try:
                    raw = await self._client.evalsha(self._sha, len(keys), *keys, *given)
                except self._errors as exc:
                    if not str(exc).startswith("NOSCRIPT") and type(exc).__name__ != "NoScriptError":
                        raise
                    raw = await self._client.eval(self._text, len(keys), *keys, *given)
        except self._errors as exc:
            raise StoreAway(f"{type(exc).__name__}: {exc}") from exc
        workers, grants = raw
        return Leased(int(workers), grants)

    async def close(self) -> None:
        """Hangs up."""
        if self._client is not None:
            with suppress(*self._errors):
                await self._client.aclose()
