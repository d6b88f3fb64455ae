"""The store in Redis, on a real one: killed, frozen, full, emptied, and shared with strangers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from streamproc.errors import SetupError
from streamproc.observe.cache_events import StoreTrouble
from streamproc.stores.redis import RedisStore, name_of
from streamproc.stores.redis_upkeep import RedisUpkeep
from streamproc.stores.store import Found, StoreKey
from tests.fakes import FakeClock, Seen, eventually
from tests.servers.redis import Redis

KEY = StoreKey("acme", "a" * 64)
OTHER = StoreKey("acme", "b" * 64)


class Rig:
    """A store of which all failures are seen; its clock stands still."""

    def __init__(self, url: str, timeout_seconds: float = 5.0) -> None:
        self.clock = FakeClock()
        self.seen = Seen()
        self.store = RedisStore(url, timeout_seconds, self.clock.monotonic, self.seen)
        self.store.load()

    @property
    def troubles(self) -> list[str]:
        return [trouble.operation for trouble in self.seen.of(StoreTrouble)]

    async def written(self) -> None:
        """Waits until nothing is left to write."""
        await eventually(lambda: self.store._writing is None or self.store._writing.done())


@asynccontextmanager
async def rig(redis: Redis, timeout_seconds: float = 5.0) -> AsyncIterator[Rig]:
    """A store on this server."""
    made = Rig(redis.url, timeout_seconds)
    try:
        yield made
    finally:
        await made.store.close()


async def test_a_value_is_there_for_all_until_its_time_is_over(redis: Redis) -> None:
    """Redis itself forgets it."""
    async with rig(redis) as one, rig(redis) as two:
        one.store.put(KEY, b"value", 3600, 3600)
        await one.written()
        assert await two.store.get(KEY) == Found(b"value", "redis")
        assert await two.store.get(OTHER) is None
        assert 3590 < int(redis.ask("TTL", name_of(KEY)).lstrip(":")) <= 3600
        one.store.put(KEY, b"value", 0.01, 0.01)
        await one.written()
        await eventually(lambda: redis.ask("EXISTS", name_of(KEY)) == ":0")
        assert one.troubles == two.troubles == []


async def test_a_redis_that_is_gone_is_a_miss_until_it_is_back(redis: Redis) -> None:
    """After a failure it is left alone for a second; then it is asked again, on a new connection."""
    async with rig(redis) as the:
        the.store.put(KEY, b"value", 60, 60)
        await the.written()
        redis.kill()
        assert await the.store.get(KEY) is None
        assert the.troubles == ["get"]
        assert await the.store.get(KEY) is None
        the.store.put(OTHER, b"value", 60, 60)
        assert the.troubles == ["get", "put"]
        assert repr(the.store) == "RedisStore(pending=0, bytes=0, resting=True)"
        redis.start()
        the.clock.now += 1.0
        assert await the.store.get(KEY) is None
        the.store.put(KEY, b"again", 60, 60)
        await the.written()
        assert await the.store.get(KEY) == Found(b"again", "redis")
        assert the.troubles == ["get", "put"]


async def test_a_write_that_fails_drops_what_waits_behind_it(redis: Redis) -> None:
    """Answers are no work that has to be done again."""
    redis.kill()
    async with rig(redis) as the:
        the.store.put(KEY, b"value", 60, 60)
        the.store.put(OTHER, b"value", 60, 60)
        await the.written()
        assert the.troubles == ["put"]
        assert repr(the.store) == "RedisStore(pending=0, bytes=0, resting=True)"


async def test_a_redis_that_hangs_costs_its_deadline_once(redis: Redis) -> None:
    """Connections stay open and nothing is answered; it is noticed, and left alone."""
    async with rig(redis, timeout_seconds=0.05) as the:
        process = redis.process
        assert process is not None
        process.pause()
        try:
            found = await asyncio.gather(*(the.store.get(KEY) for _ in range(100)))
            assert found == [None] * 100
            told = len(the.troubles)
            assert await the.store.get(KEY) is None
            assert len(the.troubles) == told
        finally:
            process.resume()


async def test_a_redis_that_is_full_takes_nothing_and_gives_what_it_has(small_redis: Redis) -> None:
    """It is a trouble that is told, and no error."""
    async with rig(small_redis) as the:
        for number in range(100):
            the.store.put(StoreKey("acme", f"{number}"), b"x" * 100_000, 60, 60)
            await the.written()
        assert set(the.troubles) == {"put"}
        the.clock.now += 1.0
        assert await the.store.get(StoreKey("acme", "0")) is not None


async def test_what_waits_to_be_written_is_bounded(redis: Redis) -> None:
    """Above 16 MiB it is dropped; the event loop has not turned once here."""
    async with rig(redis) as the:
        for number in range(20):
            the.store.put(StoreKey("acme", f"{number}"), b"x" * 2**20, 60, 60)
        assert repr(the.store) == f"RedisStore(pending=16, bytes={16 * 2**20}, resting=False)"
        assert the.troubles == ["put"] * 4
        the.store.put(StoreKey("acme", "0"), b"", 60, 60)
        await the.written()
        assert repr(the.store) == "RedisStore(pending=0, bytes=0, resting=False)"


async def test_a_look_that_is_cut_off_mixes_up_no_answers(redis: Redis) -> None:
    """A connection whose reply was not waited for once gave it to the next question, of another tenant."""
    async with rig(redis) as the:
        for key in (KEY, OTHER):
            the.store.put(key, key.digest.encode(), 60, 60)
        await the.written()
        for turns in range(30):
            look = asyncio.create_task(the.store.get(KEY))
            for _ in range(turns % 10):
                await asyncio.sleep(0)
            look.cancel()
            await asyncio.wait([look])
            found = await asyncio.gather(*(the.store.get(OTHER) for _ in range(20)))
            assert set(found) == {Found(OTHER.digest.encode(), "redis")}


async def test_a_look_that_is_cut_off_ends_as_cancelled(redis: Redis) -> None:
    """Two times in three the client gave its answer instead: a run that its sender had cancelled went on.

    It waited by `asyncio.wait_for`, which in Python 3.11 takes a result that is just there over a cancellation.
    """
    async with rig(redis) as the:
        swallowed = 0
        for turns in range(300):
            look = asyncio.create_task(the.store.get(KEY))
            for _ in range(turns % 10):
                await asyncio.sleep(0)
            is_cut = look.cancel()
            await asyncio.wait([look])
            swallowed += is_cut and not look.cancelled()
        assert swallowed == 0
        assert the.troubles == []


async def test_upkeep_waits_for_a_redis_that_hangs_within_its_bound(redis: Redis) -> None:
    """`streamproc cache stats` on a frozen Redis ends with a sentence; the client itself has no patience of its own."""
    process = redis.process
    assert process is not None
    async with RedisUpkeep.connect(redis.url, 5.0) as upkeep:
        assert await upkeep.shares() == {}
    process.pause()
    try:
        with pytest.raises(SetupError, match=r"no answer within 0\.05 s|Timeout"):
            async with RedisUpkeep.connect(redis.url, 0.05) as upkeep:
                await upkeep.shares()
    finally:
        process.resume()


async def test_closing_writes_what_waits(redis: Redis) -> None:
    """A worker that stops right after an answer has stored it."""
    async with rig(redis) as the:
        the.store.put(KEY, b"value", 60, 60)
    assert redis.ask("GET", name_of(KEY)) == "value"


@pytest.mark.parametrize("url", ["http://localhost:1", "redis://user:secret@host:port/0", ""])
def test_an_address_that_is_none_is_one_sentence(url: str) -> None:
    """Without the address: a password may stand in it."""
    store = RedisStore(url, 1.0, FakeClock().monotonic, Seen())
    with pytest.raises(SetupError) as refused:
        store.load()
    assert str(refused.value) == "cache.redis_url: is no address such as redis://host:6379/0"
