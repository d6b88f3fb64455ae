"""The store in memory: bounded by bytes whatever is put in, and nothing is given after its time."""

from hypothesis import given
from hypothesis import strategies as st

from streamproc.stores.layered import LayeredStore
from streamproc.stores.memory import MemoryStore
from streamproc.stores.store import Found, StoreKey
from tests.fakes import FakeClock


def key(digest: str, tenant: str = "t") -> StoreKey:
    """A key."""
    return StoreKey(tenant, digest)


async def test_a_value_is_given_until_its_time_is_over() -> None:
    """And is gone then."""
    clock = FakeClock()
    store = MemoryStore(10_000, clock.monotonic)
    store.put(key("a"), b"value", 10, 10)
    clock.now += 9.9
    assert await store.get(key("a")) == Found(b"value", "memory")
    assert store.has(key("a"))
    clock.now += 0.1
    assert not store.has(key("a"))
    assert await store.get(key("a")) is None
    assert repr(store) == "MemoryStore(entries=0, bytes=0)"


async def test_the_least_recently_used_goes_first() -> None:
    """Being asked for counts as use."""
    store = MemoryStore(3 * 500, FakeClock().monotonic)
    for name in "abc":
        store.put(key(name), b"x" * 100, 10, 10)
    await store.get(key("a"))
    store.put(key("d"), b"x" * 100, 10, 10)
    assert [name for name in "abcd" if await store.get(key(name))] == ["a", "c", "d"]
    assert store.evicted == 1


async def test_a_value_larger_than_the_store_is_not_taken() -> None:
    """And throws nothing else out, but what it was to replace."""
    store = MemoryStore(2000, FakeClock().monotonic)
    store.put(key("a"), b"old", 10, 10)
    store.put(key("b"), b"kept", 10, 10)
    store.put(key("a"), b"x" * 2000, 10, 10)
    assert await store.get(key("a")) is None
    assert await store.get(key("b")) is not None


operations = st.lists(
    st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 1500), st.integers(1, 20), st.integers(0, 5)), max_size=60
)


@given(operations)
async def test_it_never_holds_more_than_its_bound(steps: list[tuple[str, int, int, int]]) -> None:
    """Against a simple model: what is given is the last that was put, in its time."""
    clock = FakeClock()
    store = MemoryStore(4000, clock.monotonic)
    put: dict[str, tuple[bytes, float]] = {}
    for number, (name, size, seconds, pause) in enumerate(steps):
        value = b"%d" % number + b"x" * size
        store.put(key(name), value, seconds, seconds)
        put[name] = (value, clock.now + seconds)
        clock.now += pause
        assert store.used_bytes <= 4000
        for other, (last, until) in put.items():
            found = await store.get(key(other))
            assert found is None or (found.value == last and clock.now < until)
    clock.now += 30
    for name in put:
        await store.get(key(name))
    assert (len(store), store.used_bytes) == (0, 0)


async def test_what_is_shared_stays_near_for_a_short_time() -> None:
    """So a purge of the shared store is one of all workers soon after."""
    clock = FakeClock()
    near, shared = MemoryStore(10_000, clock.monotonic), MemoryStore(10_000, clock.monotonic)
    store = LayeredStore(near, shared, 5, keeps_old=False)
    store.put(key("a"), b"value", 100, 100)
    clock.now += 4
    shared.put(key("a"), b"other", 100, 100)
    assert await store.get(key("a")) == Found(b"value", "memory")
    clock.now += 2
    assert await store.get(key("a")) == Found(b"other", "memory")
    assert await near.get(key("a")) == Found(b"other", "memory")
    clock.now += 200
    assert await store.get(key("a")) is None


async def test_what_is_old_is_kept_and_is_no_answer_by_itself() -> None:
    """`has` is asked by runs that would need no leave to call; an old value does not give that."""
    clock = FakeClock()
    near, shared = MemoryStore(10_000, clock.monotonic), MemoryStore(10_000, clock.monotonic)
    near.put(key("a"), b"value", 100, 10)
    clock.now += 9
    assert near.has(key("a"))
    clock.now += 2
    assert not near.has(key("a"))
    assert await near.get(key("a")) == Found(b"value", "memory")
    shared.put(key("b"), b"value", 100, 10)
    for keeps_old in (True, False):
        await LayeredStore(near, shared, 5, keeps_old=keeps_old).get(key("b"))
        assert near.has(key("b")) is not keeps_old
        clock.now += 6


async def test_how_old_a_value_is_shows_who_may_have_it() -> None:
    """Of one that came from the shared store it is not known, and then it is too old for whoever asks."""
    clock = FakeClock()
    near, shared = MemoryStore(10_000, clock.monotonic), MemoryStore(10_000, clock.monotonic)
    near.put(key("a"), b"value", 100, 100)
    clock.now += 5
    assert [near.has(key("a"), oldest) for oldest in (None, 6, 5, 4)] == [True, True, True, False]
    shared.put(key("b"), b"value", 100, 100)
    await LayeredStore(near, shared, 50, keeps_old=False).get(key("b"))
    assert [near.has(key("b"), oldest) for oldest in (None, 1000)] == [True, False]
