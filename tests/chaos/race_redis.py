"""The budget race with workers that share a ledger in Redis, and what is done to that Redis meanwhile."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from tests.chaos.race import Disturbance, Race
from tests.servers.redis import Redis

__all__ = ["shared"]

WORKERS = 3

_MORE = """
ledger = "redis"
redis_url_file = "{url_file}"
redis_timeout_seconds = 1
note_within_seconds = 2
"""


async def _empty(redis: Redis, seconds: float) -> str:
    await asyncio.to_thread(redis.ask, "FLUSHALL")
    return "Redis is emptied"


async def _lose_calls(redis: Redis, seconds: float) -> str:
    keys = (await asyncio.to_thread(redis.ask, "EVAL", "return redis.call('KEYS', '*:calls')[1] or ''", "0")) or "none"
    await asyncio.to_thread(redis.ask, "DEL", keys)
    return f"Redis evicts {keys}"


async def _kill(redis: Redis, seconds: float) -> str:
    await asyncio.to_thread(redis.kill)
    await asyncio.sleep(seconds)
    await asyncio.to_thread(redis.start)
    return f"Redis was killed for {seconds:.1f} s"


async def _bring_back_the_past(redis: Redis, seconds: float) -> str:
    await asyncio.to_thread(redis.ask, "SAVE")
    await asyncio.sleep(seconds)
    await asyncio.to_thread(redis.kill)
    await asyncio.to_thread(redis.start)
    return f"Redis was killed and came back as it was {seconds:.1f} s before"


async def _restart(redis: Redis, seconds: float) -> str:
    await asyncio.to_thread(redis.ask, "SAVE")
    await asyncio.to_thread(redis.stop)
    await asyncio.to_thread(redis.start)
    return "Redis was restarted with all that it had"


async def _freeze(redis: Redis, seconds: float) -> str:
    process = redis.process
    assert process is not None
    process.pause()
    await asyncio.sleep(3 * seconds)
    process.resume()
    return f"Redis stood still for {3 * seconds:.1f} s"


_KINDS = (_empty, _lose_calls, _kill, _bring_back_the_past, _restart, _freeze)


@contextmanager
def shared(plan: Race, redis: Redis, disturbances: int) -> Iterator[Race]:
    """The same race for several workers that share this Redis, to which so many things happen; the seed decides."""
    random = Random(plan.seed)
    with TemporaryDirectory(prefix="streamproc-race-redis-") as folder:
        url_file = Path(folder, "url")
        url_file.write_text(redis.url, encoding="utf-8")
        chosen: list[Disturbance] = [
            partial(random.choice(_KINDS), redis, random.uniform(0.1, 1.0)) for _ in range(disturbances)
        ]
        yield replace(plan, workers=WORKERS, more=_MORE.format(url_file=url_file), disturbances=chosen)
