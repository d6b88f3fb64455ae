"""Looking after the shared store by hand: what is in it, and emptying it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, TypeVar

from streamproc.errors import SetupError
from streamproc.stores.redis import PREFIX, connect, redis_errors

__all__ = ["RedisUpkeep", "Share"]

_BATCH = 1000
_TIMEOUT_SECONDS = 10.0

Answer = TypeVar("Answer")


class Share(NamedTuple):
    """What the store holds of one tenant."""

    entries: int
    used_bytes: int


class RedisUpkeep:
    """Goes through all keys of ours in batches, while workers read and write; those of others are left alone."""

    def __init__(self, client: Any, timeout_seconds: float) -> None:
        self._client = client
        self._timeout_seconds = timeout_seconds

    @classmethod
    @asynccontextmanager
    async def connect(cls, url: str, timeout_seconds: float = _TIMEOUT_SECONDS) -> AsyncIterator["RedisUpkeep"]:
        """Connected for as long as the block lasts; no single answer may take longer than `timeout_seconds`.

        Raises:
            SetupError: Redis is away or refuses us, also in the block; or redis-py is not installed.
        """
        client = connect(url, timeout_seconds)
        try:
            yield cls(client, timeout_seconds)
        except redis_errors() as exc:
            sentence = str(exc) or f"no answer within {timeout_seconds:g} s"
            raise SetupError(f"cache.redis_url: {type(exc).__name__}: {sentence}") from exc
        finally:
            await client.aclose()

    async def shares(self) -> dict[str, Share]:
        """Entries and bytes of values by tenant."""
        found: dict[str, Share] = {}
        async for keys in self._batches(f"{PREFIX}*"):
            pipeline = self._client.pipeline(transaction=False)
            for key in keys:
                pipeline.strlen(key)
            for key, size in zip(keys, await self._asked(pipeline.execute()), strict=True):
                tenant = key.decode(errors="replace").removeprefix(PREFIX).rpartition("#")[0]
                entries, used_bytes = found.get(tenant, Share(0, 0))
                found[tenant] = Share(entries + 1, used_bytes + size)
        return found

    async def purge(self, tenant: str | None) -> int:
        """Deletes a tenant's answers, or everybody's, and says how many."""
        # No tenant's name has a sign that means something in a pattern, nor the one behind it.
        pattern = f"{PREFIX}*" if tenant is None else f"{PREFIX}{tenant}#*"
        count = 0
        async for keys in self._batches(pattern):
            count += await self._asked(self._client.unlink(*keys))
        return count

    async def _asked(self, answer: Awaitable[Answer]) -> Answer:
        async with asyncio.timeout(self._timeout_seconds):
            return await answer

    async def _batches(self, pattern: str) -> AsyncIterator[list[bytes]]:
        cursor = 0
        while True:
            cursor, keys = await self._asked(self._client.scan(cursor, match=pattern, count=_BATCH))
            if keys:
                yield list(dict.fromkeys(keys))
            if cursor == 0:
                return
