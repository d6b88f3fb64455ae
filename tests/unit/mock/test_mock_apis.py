"""The mock provider's answers in each API shape: order and fields of events, counts, and the bill beside them."""

import json
from typing import Any

import pytest

from streamproc.mock.server import MockServer
from streamproc.mock.shapes.table import SHAPES
from tests.unit.mock.exchange import ask, exchange, rendered
from tests.unit.mock.reading import told
from tests.unit.mock.wire import ASKED, MODES, SHAPES_OF_PATHS, body_for, show

MODEL = "mock-t4-i1-f1-r3-c2-w1"
"""Four words after three tokens of reasoning; of five tokens of input a cache read two and took one."""


def counts(path: str, usage: dict[str, Any]) -> dict[str, int]:
    """Usage in the form of an API, by the one rule of the bill; what the API does not tell is missing."""
    if path == "/v1/messages":
        cached, written = usage["cache_read_input_tokens"], usage["cache_creation_input_tokens"]
        return {
            "input_tokens": usage["input_tokens"] + cached + written,
            "output_tokens": usage["output_tokens"],
            "cached_tokens": cached,
            "cache_write_tokens": written,
            "reasoning_tokens": usage["output_tokens_details"]["thinking_tokens"],
        }
    if path.startswith("/api"):
        names = {"input_tokens": "prompt_eval_count", "output_tokens": "eval_count"}
        return {ours: usage[theirs] for ours, theirs in names.items() if theirs in usage}
    inputs, outputs = ("input", "output") if path == "/v1/responses" else ("prompt", "completion")
    if path == "/v1/embeddings":
        return {"input_tokens": usage["prompt_tokens"]}
    assert usage["total_tokens"] == usage[f"{inputs}_tokens"] + usage[f"{outputs}_tokens"]
    details = usage[f"{inputs}_tokens_details"]
    return {
        "input_tokens": usage[f"{inputs}_tokens"],
        "output_tokens": usage[f"{outputs}_tokens"],
        "cached_tokens": details["cached_tokens"],
        "cache_write_tokens": details["cache_write_tokens"],
        "reasoning_tokens": usage[f"{outputs}_tokens_details"]["reasoning_tokens"],
    }


@pytest.mark.parametrize(("path", "is_streamed"), MODES)
async def test_usage_and_bill(mock: MockServer, path: str, *, is_streamed: bool) -> None:
    """They are equal to the token, whatever the shape; so are the words."""
    shown = await show(mock, path, MODEL, is_streamed=is_streamed)
    found, call = told(shown), shown.call
    assert (shown.is_whole, found.marks, call.outcome, call.fault) == (True, 1, "completed", None)
    usage = counts(path, found.usage)
    assert usage == {name: getattr(call, name) for name in usage}
    assert (call.shape, call.input_tokens, call.cached_tokens, call.cache_write_tokens) == (
        SHAPES_OF_PATHS[path],
        5,
        2,
        1,
    )
    if "embed" not in path:
        assert (found.words, call.output_tokens, call.reasoning_tokens) == (4, 7, 3)
    figures = mock.stats.snapshot()
    assert figures["shapes"] == {call.shape: {"calls": 1} | {name: figures[name] for name in _usage_names()}}


def _usage_names() -> tuple[str, ...]:
    return ("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens")


@pytest.mark.parametrize("path", [path for path, is_streamed in MODES if is_streamed])
async def test_the_same_words_streamed_and_whole(mock: MockServer, path: str) -> None:
    """A body decides its answer, so the same body twice gives the same words; disturbed events have them, too."""
    texts = {told(await show(mock, path, "mock-t9-i0-f0", is_streamed=True)).text for _ in range(2)}
    assert len(texts) == 1
    plain = await show(mock, path, "mock-t9-i0-f0-plaintype", is_streamed=True)
    assert told(plain).words == 9


@pytest.mark.parametrize("path", [path for path, is_streamed in MODES if is_streamed])
async def test_a_limit_cuts_reasoning_and_words(mock: MockServer, path: str) -> None:
    """The reasoning counts to the limit, and the finish reason is the API's own for it."""
    name = {"/v1/responses": "max_output_tokens"}.get(path, "max_tokens")
    limit: dict[str, Any] = {"options": {"num_predict": 5}} if path.startswith("/api") else {name: 5}
    body = body_for(path, "mock-t9-i0-f0-r3", is_streamed=False, **limit)
    content = (await ask(mock, body, path=path)).partition(b"\r\n\r\n")[2]
    reasons = {"/v1/messages": b'"stop_reason":"max_tokens"', "/v1/responses": b'"reason":"max_output_tokens"'}
    ollama, openai = b'"done_reason":"length"', b'"finish_reason":"length"'
    assert reasons.get(path, ollama if path.startswith("/api") else openai) in content
    call = mock.stats.calls[-1]
    assert (call.output_tokens, call.reasoning_tokens) == (5, 3)


async def test_an_answer_without_words(mock: MockServer) -> None:
    """All other events come, in every shape."""
    for path, is_streamed in MODES:
        shown = await show(mock, path, "mock-t0-i0-f0", is_streamed=is_streamed)
        found = told(shown)
        assert (found.text, found.marks, shown.call.output_tokens) == ("", 1, 0)


@pytest.mark.parametrize("tokens", [0, 3])
@pytest.mark.parametrize("path", [path for path, is_streamed in MODES if is_streamed])
async def test_both_ways_to_write_a_stream(mock: MockServer, path: str, tokens: int) -> None:
    """An answer that is disturbed has the same events in the same order as one that takes the short way."""
    kinds = []
    for model in (f"mock-t{tokens}-i0-f0-r2", f"mock-t{tokens}-i0-f0-r2-plaintype"):
        shown = await show(mock, path, model, is_streamed=True)
        assert len(shown.chunks) == len(shown.events())  # each event in a chunk of its own
        kinds.append([(name, sorted(json.loads(data)) if data != b"[DONE]" else None) for name, data in shown.events()])
    assert kinds[0] == kinds[1]


async def test_responses_event_by_event(mock: MockServer) -> None:
    """Names, and numbers without a gap; the last event has the whole response; there is no `[DONE]`."""
    shown = await show(mock, "/v1/responses", MODEL, is_streamed=True)
    assert [name for name, _ in shown.events()] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.output_item.done",
        "response.output_item.added",
        "response.content_part.added",
        *["response.output_text.delta"] * 4,
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    events = shown.objects()
    assert [event["type"] for event in events] == [name for name, _ in shown.events()]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert events[0]["response"]["usage"] is None
    assert [item["type"] for item in events[-1]["response"]["output"]] == ["reasoning", "message"]
    assert events[-1]["response"]["status"] == "completed"
    assert b"[DONE]" not in shown.body


async def test_messages_event_by_event(mock: MockServer) -> None:
    """Anthropic's order; usage is cumulative, and its input excludes what the cache did."""
    shown = await show(mock, "/v1/messages", MODEL, is_streamed=True)
    assert [name for name, _ in shown.events()] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "content_block_start",
        "ping",
        *["content_block_delta"] * 4,
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    events = shown.objects()
    assert [event["type"] for event in events] == [name for name, _ in shown.events()]
    start, end = events[0]["message"]["usage"], events[-2]["usage"]
    assert (start["input_tokens"], start["output_tokens"]) == (2, 1)
    assert (end["input_tokens"], end["output_tokens"]) == (2, 7)
    assert start["cache_creation"] == {"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 0}
    assert [event["delta"]["type"] for event in events if event["type"] == "content_block_delta"][:2] == [
        "thinking_delta",
        "signature_delta",
    ]
    assert events[-2]["delta"] == {"stop_reason": "end_turn", "stop_sequence": None}


@pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])
async def test_ollama_line_by_line(mock: MockServer, path: str) -> None:
    """Streamed without being asked; the last line has counts, and durations in nanoseconds."""
    body = json.loads(body_for(path, "mock-t3-i20-f30-r2", is_streamed=True))
    del body["stream"]
    response = await ask(mock, body, path=path)
    assert b"content-type: application/x-ndjson\r\n" in response
    lines = [json.loads(line) for line in response.split(b"\r\n") if line.startswith(b"{")]
    assert [line["done"] for line in lines] == [False] * 4 + [True]
    assert {line["created_at"] for line in lines} == {"2025-11-24T16:00:00.000000000Z"}
    thoughts = lines[0]["message"] if path == "/api/chat" else lines[0]
    assert len(thoughts["thinking"].split()) == 2
    last = lines[-1]
    assert (last["done_reason"], last["prompt_eval_count"], last["eval_count"]) == ("stop", 5, 5)
    assert (last["total_duration"], last["eval_duration"]) == (70_000_000, 40_000_000)


@pytest.mark.parametrize(("path", "field"), [("/api/chat", "messages"), ("/api/generate", "prompt")])
async def test_an_empty_prompt_loads_the_model(mock: MockServer, path: str, field: str) -> None:
    """Ollama says so as the reason; nothing is counted."""
    response = await ask(mock, {"model": "mock", "stream": False, field: []}, path=path)
    body = json.loads(response.partition(b"\r\n\r\n")[2])
    assert (body["done"], body["done_reason"], "eval_count" in body) == (True, "load", False)
    assert (mock.stats.calls[-1].input_tokens, mock.stats.calls[-1].output_tokens) == (0, 0)


async def test_input_is_counted_by_one_rule(mock: MockServer) -> None:
    """Words of system prompt, instructions, parts and tool results, wherever an API puts them."""
    parts = [{"type": "text", "text": "one two"}, {"type": "image", "source": {}}]
    result = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "three"}]}
    asked: dict[str, dict[str, Any]] = {
        "/v1/messages": {
            "system": "four five",
            "messages": [{"role": "user", "content": [*parts, result]}],
            "max_tokens": 9,
        },
        "/v1/responses": {
            "instructions": "four five",
            "input": [{"role": "user", "content": parts}, {"type": "function_call_output", "output": "three"}],
        },
        "/api/generate": {"system": "four five", "prompt": "one two three"},
    }
    for path, body in asked.items():
        await ask(mock, {"model": "mock-t0-i0-f0", **body}, path=path)
        assert mock.stats.calls[-1].input_tokens == 5


async def test_headers_of_other_providers(mock: MockServer) -> None:
    """Anthropic's are accepted, and its answers name the call in a header of their own."""
    body = body_for("/v1/messages", "mock-t1-i0-f0", is_streamed=False)
    more = "x-api-key: any\r\nanthropic-version: 2023-06-01\r\nconnection: close\r\n"
    response = await exchange(mock, rendered(body, path="/v1/messages", more=more))
    assert b"request-id: msg-mock-1\r\n" in response
    assert b"x-request-id" not in response


async def test_models_in_the_form_of_ollama(mock: MockServer) -> None:
    """The same names."""
    response = await ask(mock, b"", method="GET", path="/api/tags")
    names = [model["name"] for model in json.loads(response.partition(b"\r\n\r\n")[2])["models"]]
    assert names == ["mock", "mock-t100-i20-f50"]


def test_every_path_is_asked_here() -> None:
    """A new path would be missing in these tests."""
    assert {path: shape.name for path, shape in SHAPES.items()} == SHAPES_OF_PATHS
    assert set(ASKED) == set(SHAPES)
