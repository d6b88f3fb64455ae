"""The store that workers share: Redis, by its client redis-py of the extra `redis`.

Redis may be slow, full or away at any moment: then every look is a miss, what should be stored is dropped, and the
observer is told. A failure gives Redis a second's rest, so that a hanging one costs one deadline a second and no more.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal

from streamproc.errors import SetupError
from streamproc.observe.cache_events import StoreTrouble
from streamproc.observe.events import (
    Observer,
)
from streamproc.stores.store import Found, StoreKey

__all__ = ["PREFIX", "RedisStore", "connect", "name_of", "redis_errors"]

PREFIX = "streamproc:cache:"
"""Of all our keys; behind it come the tenant, a sign that no tenant's name has, and the digest."""

_REST_SECONDS = 1.0
_MAX_CONNECTIONS = 16
_MAX_PENDING_BYTES = 16 * 2**20


def name_of(key: StoreKey) -> str:
    """The key's name in Redis."""
    return f"{PREFIX}{key.tenant}#{key.digest}"


def connect(url: str, timeout_seconds: float, setting: str = "cache.redis_url") -> Any:
    """A client that does not try again. It connects when it is first asked. Imports for 0.4 s.

    It waits for an answer as long as it takes: whoever asks puts an `asyncio.timeout` around each question. `setting`
    is where the address comes from, for sentences.

    Raises:
        SetupError: redis-py is not installed, or the URL is none.
    """
    try:
        from redis.asyncio import BlockingConnectionPool, Redis  # noqa: PLC0415 of an extra, and slow to import
        from redis.asyncio.retry import Retry  # noqa: PLC0415 the same
        from redis.backoff import NoBackoff  # noqa: PLC0415 the same
    except ImportError as exc:
        raise SetupError(f"{setting} needs the extra redis: pip install 'streamproc[redis]'") from exc
    try:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=_MAX_CONNECTIONS,
            timeout=timeout_seconds,
            # redis-py 8 would wait by `asyncio.wait_for`, which swallows a cancellation in Python 3.11.
            socket_timeout=None,
            socket_connect_timeout=timeout_seconds,
            retry=Retry(NoBackoff(), 0),
        )
    except ValueError as exc:
        # What is wrong with it is not said: the sentence would show the password.
        raise SetupError(f"{setting}: is no address such as redis://host:6379/0") from exc
    return Redis.from_pool(pool)


def redis_errors() -> tuple[type[Exception], ...]:
    """What a client raises when Redis does not do as it is told. Imports, as `connect`, which has to come before."""
    from redis.exceptions import RedisError  # noqa: PLC0415 of an extra, and slow to import

    return (RedisError, OSError, TimeoutError)


class RedisStore:
    """Values in Redis, each with its time to live. `close` it in the end.

    Stored values leave in the background, one after the other; at most 16 MiB wait, and what is above is dropped.
    """

    def __init__(self, url: str, timeout_seconds: float, monotonic: Callable[[], float], observer: Observer) -> None:
        """Connects to nothing yet; `load` has to come before anything else. `monotonic`: seconds that only grow."""
        self._url = url
        self._timeout_seconds = timeout_seconds
        self._monotonic = monotonic
        self._observer = observer
        self._client: Any = None
        self._errors: tuple[type[Exception], ...] = ()
        self._pending: OrderedDict[StoreKey, tuple[bytes, float]] = OrderedDict()
        self._pending_bytes = 0
        self._writing: asyncio.Task[None] | None = None
        self._rests_until = float("-inf")

    def __repr__(self) -> str:
        return f"RedisStore(pending={len(self._pending)}, bytes={self._pending_bytes}, resting={self._is_resting})"

    def load(self) -> None:
        """Imports the client, which takes 0.4 s: call it in a thread.

        Raises:
            SetupError: as `connect`.
        """
        self._client = connect(self._url, self._timeout_seconds)
        self._errors = redis_errors()

    @property
    def _is_resting(self) -> bool:
        return self._monotonic() < self._rests_until

    async def get(self, key: StoreKey) -> Found | None:
        """The value; None also when Redis does not say it in time."""
        if self._is_resting:
            return None
        try:
            async with asyncio.timeout(self._timeout_seconds):
                value: bytes | None = await self._client.get(name_of(key))
        except self._errors as error:
            self._failed("get", error)
            return None
        return None if value is None else Found(value, "redis")

    def put(self, key: StoreKey, value: bytes, seconds: float, fresh_seconds: float) -> None:  # noqa: ARG002 `Store`'s
        """Has the value written soon."""
        if self._is_resting or self._pending_bytes + len(value) > _MAX_PENDING_BYTES:
            self._observer.saw(StoreTrouble("put", "Redis is away or too slow: an answer was not stored"))
            return
        former, _ = self._pending.pop(key, (b"", 0.0))
        self._pending[key] = (value, seconds)
        self._pending_bytes += len(value) - len(former)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write(), name="redis-store")

    async def _write(self) -> None:
        while self._pending:
            key, (value, seconds) = self._pending.popitem(last=False)
            self._pending_bytes -= len(value)
            try:
                async with asyncio.timeout(self._timeout_seconds):
                    await self._client.set(name_of(key), value, px=max(1, int(seconds * 1000)))
            except self._errors as error:
                self._failed("put", error)
                self._pending.clear()
                self._pending_bytes = 0

    def _failed(self, operation: Literal["get", "put"], error: Exception) -> None:
        self._observer.saw(StoreTrouble(operation, f"{type(error).__name__}: {error}"))
        self._rests_until = self._monotonic() + _REST_SECONDS

    async def close(self) -> None:
        """Writes what waits, if that is quick, and hangs up."""
        if self._writing is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._timeout_seconds):
                    await asyncio.wait([self._writing])
            self._writing.cancel()
            await asyncio.wait([self._writing])
        if self._client is not None:
            with suppress(*self._errors):
                await self._client.aclose()
