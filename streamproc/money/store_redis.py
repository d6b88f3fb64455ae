"""The Redis ledger's store: runs `ledger.lua`, in one round trip each time, and tells in our words when it cannot."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from hashlib import sha1
from importlib.resources import files
from typing import Any, NamedTuple

import orjson

from streamproc.errors import SetupError, StreamprocError
from streamproc.money.ledger_orders import Order

__all__ = ["Answer", "RedisStore", "StoreAway"]

_SCAN = 1000


class StoreAway(StreamprocError):
    """Redis does not answer, or not with an answer; whether it carried the orders out is not known."""


class Answer(NamedTuple):
    """How the view stands, and a reply to each order; None where it was not carried out.

    Attributes:
        is_open: the view is whole; whoever counts by its `basis` may reserve.
        generation: names the life of the view: it changes when the view is lost.
    """

    is_open: bool
    generation: str
    basis: str
    replies: Sequence[Any]


class RedisStore:
    """One connection. The view is two keys in one slot, so it lives on one server of a cluster, too."""

    def __init__(self, url: str, name: str, patience_seconds: float) -> None:
        """`name` tells views on one server apart; an answer that takes longer than `patience_seconds` is none.

        Raises:
            SetupError: the package redis is not installed, or the URL is none of Redis'.
        """
        try:
            from redis import asyncio as client  # noqa: PLC0415 it takes 0.4 s, and only this ledger needs it
            from redis import exceptions  # noqa: PLC0415 the same
            from redis.asyncio.retry import Retry  # noqa: PLC0415 the same
            from redis.backoff import NoBackoff  # noqa: PLC0415 the same
        except ImportError as exc:
            raise SetupError("the Redis ledger needs the extra redis: pip install 'streamproc[redis]'") from exc
        self._refused = (exceptions.AuthenticationError, exceptions.NoPermissionError)
        self._failures = (exceptions.RedisError, OSError, TimeoutError)
        self._no_script = exceptions.NoScriptError
        try:
            self._redis: Any = client.Redis.from_url(
                url,
                # redis-py 8 would wait by `asyncio.wait_for`, which swallows a cancellation in Python 3.11.
                socket_timeout=None,
                socket_connect_timeout=patience_seconds,
                retry=Retry(NoBackoff(), 0),  # whoever asks has a patience of its own
                decode_responses=False,
            )
        except ValueError as exc:
            raise SetupError(f"budgets.redis_url is no address of a Redis: {exc}") from exc
        self._patience_seconds = patience_seconds
        self._keys = (f"{{{name}}}:sums", f"{{{name}}}:calls")
        self._text = files("streamproc.money").joinpath("ledger.lua").read_text(encoding="utf-8")
        self._sha = sha1(self._text.encode(), usedforsecurity=False).hexdigest()  # Redis' own name for a script

    async def run(self, fresh: str, basis: str, orders: Sequence[Order]) -> Answer:
        """Carries orders out, all in one step; `fresh` names the next life of the view, should this one be lost.

        Raises:
            StoreAway: Redis does not answer.
            SetupError: it refuses us.
        """
        keys, text = self._keys, orjson.dumps(orders)
        try:
            async with asyncio.timeout(self._patience_seconds):
                try:
                    raw = await self._redis.evalsha(self._sha, len(keys), *keys, fresh, basis, text)
                except self._no_script:
                    raw = await self._redis.eval(self._text, len(keys), *keys, fresh, basis, text)
        except self._refused as exc:
            raise SetupError(f"Redis refuses the ledger: {exc}") from exc
        except self._failures as exc:
            raise StoreAway(f"the ledger's Redis does not answer: {str(exc) or type(exc).__name__}") from exc
        state, generation, counted_by, replies = orjson.loads(raw)
        return Answer(
            state == "ready" and counted_by == basis,
            generation,
            counted_by,
            [None if reply is False else reply for reply in replies],
        )

    async def calls(self) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """The calls that are in no sum for good yet, by usage id; one may come twice.

        Raises:
            StoreAway: Redis does not answer.
        """
        async for field, value in self._scan(self._keys[1]):
            yield field, orjson.loads(value)

    async def sums(self) -> AsyncIterator[str]:
        """The names of the view's fields, which are sums of accounts for the most part; one may come twice.

        Raises:
            StoreAway: Redis does not answer.
        """
        async for field, _ in self._scan(self._keys[0]):
            yield field

    async def _scan(self, key: str) -> AsyncIterator[tuple[str, bytes]]:
        cursor = -1
        while cursor:
            cursor, found = await self._scan_on(key, max(cursor, 0))
            for field, value in found.items():
                yield field.decode(), value

    async def _scan_on(self, key: str, cursor: int) -> tuple[int, dict[bytes, bytes]]:
        try:
            async with asyncio.timeout(self._patience_seconds):
                found: tuple[int, dict[bytes, bytes]] = await self._redis.hscan(key, cursor, count=_SCAN)
                return found
        except self._failures as exc:
            raise StoreAway(f"the ledger's Redis does not answer: {str(exc) or type(exc).__name__}") from exc

    async def close(self) -> None:
        """Disconnects."""
        await self._redis.aclose()
