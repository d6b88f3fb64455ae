"""The cache of answers, put together from the settings: its stores, and what stands in front of each provider."""

import asyncio
from typing import Self

from streamproc.chain.answers import Answers
from streamproc.chain.cache import Cached, Flights
from streamproc.chain.cache_rules import CacheRules, flight_key_of, key_of, mode_of
from streamproc.chain.clock import Clock
from streamproc.chain.plan import Choice
from streamproc.chain.provider import Provider
from streamproc.chain.run import Run
from streamproc.observe.events import Observer
from streamproc.observe.gauges import CacheSizes
from streamproc.settings.cache import CacheSettings
from streamproc.settings.secret import read_secret
from streamproc.stores.layered import LayeredStore
from streamproc.stores.memory import MemoryStore
from streamproc.stores.redis import RedisStore

__all__ = ["Cache", "redis_url"]


def redis_url(settings: CacheSettings) -> str | None:
    """Where the shared store is; None when there is none.

    Raises:
        SetupError: the file that holds it cannot be read.
    """
    return read_secret(settings.redis_url, settings.redis_url_file, "cache.redis_url")


class Cache:
    """The stores of one process. `load` comes first, `close` last."""

    def __init__(self, settings: CacheSettings, clock: Clock, observer: Observer) -> None:
        """Connects to nothing yet."""
        self._memory = MemoryStore(settings.max_memory_bytes, clock.monotonic)
        url = redis_url(settings)
        timeout = settings.redis_timeout_seconds
        self._redis = None if url is None else RedisStore(url, timeout, clock.monotonic, observer)
        store = (
            self._memory
            if self._redis is None
            else LayeredStore(
                self._memory, self._redis, settings.redis_memory_seconds, keeps_old=settings.stale_seconds > 0
            )
        )
        rules = CacheRules(
            settings.ttl_seconds,
            settings.max_ttl_seconds,
            settings.max_entry_bytes,
            settings.compress_above_bytes,
            settings.stale_seconds,
        )
        self.answers = Answers(store, rules, clock, observer)
        self._flights: Flights = {}
        self._clock = clock
        self._observer = observer

    @classmethod
    def open(cls, settings: CacheSettings, clock: Clock, observer: Observer) -> Self | None:
        """The cache, if the settings want one."""
        return cls(settings, clock, observer) if settings.enabled else None

    def around(self, provider: Provider) -> Provider:
        """The same provider with the cache in front."""
        return Cached(provider, self.answers, self._flights, asyncio.Event, self._clock, self._observer)

    def can_answer(self, run: Run, choice: Choice, max_output_tokens: int) -> bool:
        """Whether a run has an answer of this choice in memory, or an equal run's call to follow, at this moment.

        It may be gone when the run looks for it; then the run asks for leave to call like any other.
        """
        if mode_of(run.request) != "use":
            return False
        key = key_of(run.tenant, choice.place, max_output_tokens, run.input_hash)
        flight = self._flights.get(flight_key_of(key, run.request))
        oldest = run.request.cache_ttl_seconds
        return self._memory.has(key, oldest) or (flight is not None and flight.is_whole)

    def sizes(self) -> CacheSizes:
        """What is in this process' memory; read by the metrics port's thread."""
        return CacheSizes(len(self._memory), self._memory.used_bytes, self._memory.evicted)

    def load(self) -> None:
        """Imports what Redis needs, 0.4 s: call it in a thread.

        Raises:
            SetupError: it is not installed, or the URL is none.
        """
        if self._redis is not None:
            self._redis.load()

    async def close(self) -> None:
        """Hangs up."""
        if self._redis is not None:
            await self._redis.close()
