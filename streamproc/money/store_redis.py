"""The Redis ledger's store: runs `ledger.lua`, in one round trip each time, and tells in our words when it cannot."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from hashlib import sha1
from importlib.resources import files
from socket import gethostname
from typing import Any, NamedTuple

import orjson

from streamproc.errors import SetupError, StreamprocError
from streamproc.money.ledger_orders import Order

__all__ = ["Answer", "RedisStore", "StoreAway", "StoreRefused"]

_SCAN = 1000
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


_NO_RIGHT_IN_SCRIPT = ("can't run this command", "ACL failure in script")
"""As Redis says it up to 7.0, and after."""


class StoreAway(StreamprocError):
    """Redis does not answer, or not with an answer; whether it carried the orders out is not known."""


class StoreRefused(SetupError):
    """Redis does not let us in, or not do what the ledger needs: time alone changes nothing."""


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

    @property
    def place(self) -> str:
        """Which Redis it is: two of one place are the same, wherever they are asked from."""
        found: Mapping[str, Any] = self._redis.connection_pool.connection_kwargs
        host, path = found.get("host", "localhost"), found.get("path")
        # What a machine calls itself is another machine for everybody else.
        machine = f"{gethostname()} " if path or host in _LOOPBACK else ""
        return f"{machine}{path or host}:{found.get('port', 6379)}/{found.get('db', 0)}"

    async def run(self, fresh: str, basis: str, orders: Sequence[Order]) -> Answer:
        """Carries orders out, all in one step; `fresh` names the next life of the view, should this one be lost.

        Raises:
            StoreAway: Redis does not answer.
            StoreRefused: it refuses us.
        """
        keys, text = self._keys, orjson.dumps(orders)
        async with self._errors(), asyncio.timeout(self._patience_seconds):
            try:
                raw = await self._redis.evalsha(self._sha, len(keys), *keys, fresh, basis, text)
            except self._no_script:
                raw = await self._redis.eval(self._text, len(keys), *keys, fresh, basis, text)
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
            StoreRefused: it refuses us.
        """
        async for field, value in self._scan(self._keys[1]):
            yield field, orjson.loads(value)

    async def sums(self) -> AsyncIterator[str]:
        """The names of the view's fields, which are sums of accounts for the most part; one may come twice.

        Raises:
            StoreAway: Redis does not answer.
            StoreRefused: it refuses us.
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
        async with self._errors(), asyncio.timeout(self._patience_seconds):
            found: tuple[int, dict[bytes, bytes]] = await self._redis.hscan(key, cursor, count=_SCAN)
            return found

    @asynccontextmanager
    async def _errors(self) -> AsyncIterator[None]:
        try:
            yield
        except self._failures as exc:
            # What the script may not do has no code of its own.
            if isinstance(exc, self._refused) or any(sign in str(exc) for sign in _NO_RIGHT_IN_SCRIPT):
                raise StoreRefused(
                    "Redis refuses the ledger; look at the name and password in budgets.redis_url, and at that user's"
                    f" rights: {exc}"
                ) from exc
            raise StoreAway(f"the ledger's Redis does not answer: {str(exc) or type(exc).__name__}") from exc

    async def close(self) -> None:
        """Disconnects."""
        await self._redis.aclose()
