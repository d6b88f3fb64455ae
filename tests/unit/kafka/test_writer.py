"""Chunks on their way out: the writer and its lane, over a producer in memory."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from streamproc.chain.provider import Reasoning, Text, ToolCallPart
from tests.fakes import a_request, eventually
from tests.unit.kafka.streams import JOINED, NEVER, SINGLE, Rig


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    """A lane that stores at once."""
    made = Rig()
    yield made
    await made.stop()


async def test_a_stream_is_numbered_from_start_to_end(rig: Rig) -> None:
    """`seq` without a hole, offsets in characters of the same kind, the count of all in the result."""
    stream = rig.open()
    stream.add(Reasoning("hm"), Text("h😀"), Reasoning("m"), Text("é"))
    stream.writer.end()
    assert await rig.told() == [
        (1000, 0, "start", "", 0),
        (1000, 1, "reasoning", "hm", 0),
        (1000, 2, "text", "h😀", 0),
        (1000, 3, "reasoning", "m", 2),
        (1000, 4, "text", "é", 2),
        (1000, 5, "end", "", 0),
    ]
    assert stream.writer.chunk_count == 6


async def test_a_chunk_names_its_run_in_value_key_and_headers(rig: Rig) -> None:
    """A reader filters by value, a tool by key; ids are unique, times and traces are there."""
    stream = rig.open(request=a_request(request_id="é".encode().hex(), tenant="t"), trace=b"trace", tenant="pinned")
    stream.add(Text("a"))
    await rig.told()
    assert {(chunk.run_id, chunk.request_id, chunk.tenant) for chunk in rig.stored} == {
        ("llm.requests/0/0@1", "c3a9", "pinned")
    }
    records = rig.producer.stored[("llm.chunks", 3)]
    assert {key for key, _, _ in records} == {b"c3a9"}
    headers = [dict(found) for _, _, found in records]
    assert [found["ce_id"] for found in headers] == [b"llm.requests/0/0@1/1000/0", b"llm.requests/0/0@1/1000/1"]
    assert {found["ce_type"] for found in headers} == {b"streamproc.chunk.v1"}
    assert {found["traceparent"] for found in headers} == {b"trace"}
    assert all(found["ce_time"].endswith(b"Z") for found in headers)


async def test_the_first_token_leaves_at_once_and_later_ones_wait_for_company(rig: Rig) -> None:
    """Without any time passing only the first is on its way; the timer sends the others as one."""
    stream = rig.open(JOINED)
    for piece in ("a", "b", "c"):
        stream.add(Text(piece))
    assert rig.lane.appended == 2
    await eventually(lambda: rig.lane.appended == 3)
    assert [told[2:] for told in await rig.told()] == [("start", "", 0), ("text", "a", 0), ("text", "bc", 1)]
    stream.add(Text("d"))
    await eventually(lambda: rig.lane.appended == 4)
    assert (await rig.told())[-1][2:] == ("text", "d", 3)


async def test_enough_characters_leave_without_waiting(rig: Rig) -> None:
    """At 64 the piece goes, not at 63."""
    stream = rig.open(NEVER)
    stream.add(Text("first"), *[Text("x")] * 63)
    assert rig.lane.appended == 2
    stream.add(Text("y"), Text("z"))
    assert rig.lane.appended == 3
    assert (await rig.told())[-1][2:] == ("text", "x" * 63 + "y", 5)


async def test_another_kind_and_the_end_send_what_waits(rig: Rig) -> None:
    """The order of the answer is the order of its chunks."""
    stream = rig.open(NEVER)
    stream.add(Text("a"), Text("b"), ToolCallPart(0, "c", "f", "{}"), Text("d"))
    stream.writer.end()
    assert [told[2:4] for told in await rig.told()] == [
        ("start", ""), ("text", "a"), ("text", "b"), ("tool_call", "{}"), ("text", "d"), ("end", ""),
    ]  # fmt: skip


async def test_without_coalescing_every_token_is_a_chunk(rig: Rig) -> None:
    """As they come."""
    stream = rig.open(SINGLE)
    stream.add(*[Text("x")] * 5)
    assert len(await rig.told()) == 6


async def test_long_pieces_are_cut(rig: Rig) -> None:
    """A chunk stays below every record limit; joined they are the piece. A tool call keeps its index in each."""
    stream = rig.open()
    stream.add(Text("😀" * 150_000), ToolCallPart(4, "c", "f", "y" * 70_000), ToolCallPart(5, "d", "g", ""))
    told = await rig.told()
    texts = [(text, offset) for _, _, kind, text, offset in told if kind == "text"]
    assert "".join(text for text, _ in texts) == "😀" * 150_000
    assert [offset for _, offset in texts] == [0, 65_536, 131_072]
    calls = [chunk for chunk in rig.stored if chunk.kind == "tool_call"]
    assert [(chunk.tool_index, len(chunk.text), chunk.char_offset) for chunk in calls] == [
        (4, 65_536, 0), (4, 4_464, 65_536), (5, 0, 0),
    ]  # fmt: skip
    assert (calls[2].tool_call_id, calls[2].tool_name) == ("d", "g")


async def test_an_answer_without_a_piece_still_starts_and_ends(rig: Rig) -> None:
    """A reader sees that it began and that it is over."""
    stream = rig.open()
    stream.writer.end()
    assert [told[1:3] for told in await rig.told()] == [(0, "start"), (1, "end")]


async def test_what_comes_while_a_batch_is_under_way_goes_together() -> None:
    """One batch at a time, in order; a batch that is full leaves the rest to the next one."""
    rig = Rig(most_per_batch=4)
    rig.producer.gate.clear()
    stream = rig.open()
    stream.add(Text("0"))
    await eventually(lambda: rig.producer.asked == 1)
    stream.add(*[Text(str(number)) for number in range(1, 9)])
    assert rig.producer.asked == 1
    rig.producer.gate.set()
    told = await rig.told()
    assert "".join(text for _, _, _, text, _ in told) == "012345678"
    assert rig.producer.batches == [2, 4, 4]
    await rig.stop()


async def test_buffered_bytes_are_counted_until_they_are_stored(rig: Rig) -> None:
    """The bound of the publisher stands on this: up at once, and back to nothing."""
    rig.producer.gate.clear()
    stream = rig.open()
    stream.add(Text("x" * 10_000))
    assert rig.buffered > 10_000
    rig.producer.gate.set()
    await rig.told()
    assert rig.buffered == 0


async def test_a_closed_writer_sends_nothing_more(rig: Rig) -> None:
    """The run is over: text that waited is dropped, the timer finds nothing, the lane forgets the writer."""
    stream = rig.open(JOINED)
    stream.add(Text("a"), Text("b"))
    stream.writer.close()
    await asyncio.sleep(0.02)
    assert [told[3] for told in await rig.told()] == ["", "a"]
    assert repr(rig.lane) == "Lane(llm.chunks/3, queued=0, open=0)"


async def test_a_chunk_is_plain_json(rig: Rig) -> None:
    """Fields of tool calls only where there is one."""
    rig.open().add(Text("a"))
    await rig.told()
    value = rig.producer.stored[("llm.chunks", 3)][1][1]
    assert json.loads(value or b"") == {
        "run_id": "llm.requests/0/0@1", "request_id": "r-1", "tenant": "default", "attempt": 1000, "seq": 1,
        "kind": "text", "text": "a", "char_offset": 0,
    }  # fmt: skip
