"""Cached: what is given again, to whom, for how long, and what the bill says of it."""

from typing import Any

import pytest

from streamproc.chain.cache_rules import CacheRules
from streamproc.chain.journal import MemoryJournal
from streamproc.chain.provider import Completed, Embeddings, Event, Reasoning, Text, ToolCallPart
from streamproc.observe.cache_events import AnswerStored, CacheLooked, StoreTrouble
from streamproc.records.request import Request
from streamproc.records.usage import Saved, TokenCounts
from streamproc.stores.layered import LayeredStore
from streamproc.stores.memory import MemoryStore
from streamproc.stores.store import Found, StoreKey
from tests.fakes import eventually
from tests.unit.chain.cached import DONE, Rig


async def test_an_equal_request_is_answered_without_a_call() -> None:
    """All kinds of events come again, joined, and in their order."""
    rig = Rig()
    bought: tuple[Event, ...] = (
        Reasoning("hm"),
        Reasoning("m", "signed"),
        Reasoning("", None, "secret"),
        Text("It "),
        Text("is"),
        ToolCallPart(0, "call-1", "weather", '{"city":'),
        ToolCallPart(0, None, None, '"Oslo"}'),
        ToolCallPart(1, "call-2", "time", "{}"),
        DONE._replace(finish_reason="tool_calls"),
    )
    await rig.buy(*bought)
    reader = await rig.hit()
    assert reader is not None
    assert reader.events == [
        Reasoning("hmm", "signed"),
        Reasoning("", None, "secret"),
        Text("It is"),
        ToolCallPart(0, "call-1", "weather", '{"city":"Oslo"}'),
        ToolCallPart(1, "call-2", "time", "{}"),
        bought[-1],
    ]
    assert rig.outcomes == ["miss", "memory"]
    assert rig.flights == {}


async def test_embeddings_come_again() -> None:
    """In their order."""
    rig = Rig()
    vectors = Embeddings(("AAAAAA==", "AACAPw=="))
    request = Request.model_validate({"request_id": "r", "model": "m", "input": ["a", "b"], "stream": False})
    await rig.buy(vectors, DONE, request=request)
    reader = await rig.hit(request=request)
    assert reader is not None
    assert reader.events == [vectors, DONE]


async def test_a_hit_has_a_line_that_used_nothing_and_tells_what_was_saved() -> None:
    """The line is noted in the journal: whoever finds the answer there publishes the line with it."""
    rig = Rig()
    payer = await rig.buy()
    reader = await rig.hit(user="ann", feature="chat")
    assert reader is not None
    line = reader.line
    assert payer.line.saved is None
    assert (line.basis, line.cost_nanos, line.tokens) == ("cache", 0, TokenCounts(input=0, output=0))
    assert line.saved == Saved(state="hit", tokens=TokenCounts(input=3, output=2), nanos=7000)
    assert line.usage_id == "llm.requests/0/2@1/2000/1"
    assert (line.tenant, line.user, line.feature, line.provider, line.model) == ("default", "ann", "chat", "p", "m")
    assert reader.call.progress.spent_nanos == 0
    journal = reader.call.journal
    assert isinstance(journal, MemoryJournal)
    assert journal.notes == [("cached", line.usage_id, line)]
    assert [looked.line for looked in rig.seen.of(CacheLooked)] == [None, line]


@pytest.mark.parametrize(
    "other",
    [
        {"tenant": "acme"},
        {"model": "m2"},
        {"max_output_tokens": 101},
        {"seed": 1},
        {"messages": [{"role": "user", "content": "say more"}]},
    ],
)
async def test_what_differs_in_anything_that_counts_is_bought(other: dict[str, Any]) -> None:
    """A tenant's answers are its own."""
    rig = Rig()
    await rig.buy()
    assert await rig.hit(**other) is None


async def test_what_shapes_no_answer_makes_no_difference() -> None:
    """Who asks, for what, whether in pieces, until when."""
    rig = Rig()
    await rig.buy()
    assert await rig.hit(request_id="r-2", user="ann", stream=False, metadata={"a": "b"}, max_cost_usd=1) is not None


@pytest.mark.parametrize("reason", ["length", "content_filter", "pause_turn"])
async def test_only_an_answer_that_ended_by_itself_is_stored(reason: str) -> None:
    """One that was cut at its most tokens, or refused, may do better the next time."""
    rig = Rig()
    await rig.buy(Text("a"), DONE._replace(finish_reason=reason))
    assert await rig.hit() is None
    assert rig.seen.of(AnswerStored) == []


async def test_an_answer_that_was_cut_is_not_stored() -> None:
    """Its reader went away, or the provider said nothing of an end."""
    rig = Rig()
    reader = rig.read()
    await eventually(lambda: len(rig.faucet.calls) == 1)
    rig.faucet.give(Text("half"))
    await reader.has(1)
    await reader.cancel()
    assert (rig.faucet.running, rig.flights) == (0, {})
    assert await rig.hit() is None


async def test_a_request_may_leave_the_cache_alone() -> None:
    """It reads nothing and stores nothing."""
    rig = Rig()
    await rig.buy(cache="off")
    await rig.buy()
    assert await rig.hit(cache="off") is None
    assert rig.outcomes == ["miss"]


async def test_a_request_may_ask_for_a_new_answer() -> None:
    """It is stored in place of the old one."""
    rig = Rig()
    await rig.buy(Text("old"), DONE)
    await rig.buy(Text("new"), DONE, cache="refresh")
    reader = await rig.hit()
    assert reader is not None
    assert reader.text == "new"
    assert rig.outcomes == ["miss", "refresh", "memory"]


@pytest.mark.parametrize(
    ("fields", "is_hit"),
    [
        ({"temperature": 0}, True),
        ({"temperature": 0.7}, False),
        ({"temperature": 0.7, "seed": 4}, True),
        ({"temperature": 0.7, "cache": "use"}, True),
    ],
)
async def test_who_samples_gets_samples(fields: dict[str, Any], is_hit: bool) -> None:
    """A temperature above 0 without a seed asks for answers that differ, unless the request says otherwise."""
    rig = Rig()
    await rig.buy(**fields)
    assert (await rig.hit(**fields) is not None) is is_hit


@pytest.mark.parametrize(
    ("fields", "seconds"), [({}, 60), ({"cache_ttl_seconds": 5}, 5), ({"cache_ttl_seconds": 10**6}, 600)]
)
async def test_an_answer_is_kept_for_its_time(fields: dict[str, Any], seconds: float) -> None:
    """The settings', or the request's own within the settings' bound."""
    rig = Rig()
    await rig.buy(**fields)
    rig.clock.now += seconds - 0.1
    assert await rig.hit() is not None
    rig.clock.now += 0.2
    assert await rig.hit() is None


async def test_a_copy_lives_no_longer_than_its_original() -> None:
    """A worker took it from the shared store in its last second, and would keep it for ten minutes."""
    rig = Rig()
    await rig.buy()
    near = MemoryStore(10**6, lambda: 0.0)
    other = Rig(store=LayeredStore(near, rig.memory, near_seconds=600, keeps_old=False))
    rig.clock.now += 59
    other.clock.now = rig.clock.now
    assert await other.hit() is not None
    assert len(near) == 1
    other.clock.now += 1
    assert await other.hit() is None


async def test_a_request_says_how_old_an_answer_may_be() -> None:
    """Its own time to live holds for what it reads, too."""
    rig = Rig()
    await rig.buy()
    rig.clock.now += 10
    assert await rig.hit(cache_ttl_seconds=9) is None
    assert await rig.hit(cache_ttl_seconds=11) is not None


async def test_an_answer_that_is_too_long_is_not_stored() -> None:
    """Neither by its characters nor by its bytes, and it is given as ever."""
    rig = Rig(CacheRules(60, 600, max_entry_bytes=1000, compress_above_bytes=100))
    reader = await rig.buy(*[Text("x" * 99)] * 11, DONE)
    assert reader.text == "x" * 99 * 11
    assert await rig.hit() is None
    reader = await rig.buy(Text("é" * 800), DONE)
    assert reader.text == "é" * 800
    assert await rig.hit() is None


class Damaged:
    """A store that holds nonsense, or an answer to another request."""

    def __init__(self, value: bytes) -> None:
        self.value = value

    async def get(self, key: StoreKey) -> Found | None:
        return Found(self.value, "redis")

    def put(self, key: StoreKey, value: bytes, seconds: float, fresh_seconds: float) -> None:
        """Takes nothing."""


@pytest.mark.parametrize("value", [b"", b"1j{}", b"1z", b"2j{}"])
async def test_what_cannot_be_read_is_a_miss(value: bytes) -> None:
    """It is told, and the call is made."""
    rig = Rig(store=Damaged(value))
    assert await rig.hit() is None
    (trouble,) = rig.seen.of(StoreTrouble)
    assert (trouble.operation, rig.outcomes) == ("read", ["miss"])


async def test_half_a_character_is_given_and_not_stored() -> None:
    """A provider may send an escape that is no character; JSON could not hold it."""
    rig = Rig()
    reader = await rig.buy(Text("\ud83d"), Completed(None, "stop"))
    assert reader.text == "\ud83d"
    assert await rig.hit() is None
