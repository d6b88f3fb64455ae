"""What a provider answers: error objects, pages, broken JSON, cut streams, refusals. Real bytes on real sockets."""

import gzip
import zlib
from contextlib import aclosing
from typing import Any

import orjson
import pytest

from streamproc.chain.provider import Completed, Reasoning, Text, Told, ToolCallPart
from streamproc.errors import (
    CredentialRefused,
    MalformedStream,
)
from streamproc.records.usage import TokenCounts
from tests.faults.cases.api import Api
from tests.faults.cases.table import APIS
from tests.faults.raw_provider import (
    DONE,
    END,
    FINISH,
    KEY,
    STREAM,
    Connection,
    chunked,
    outcome,
    provider_at,
    raw_provider,
    response,
)
from tests.unit.providers.calls import a_call


def sends(*pieces: bytes, pause_seconds: float = 0.0) -> Any:
    """A behaviour that sends these bytes and leaves the connection open."""

    async def behave(connection: Connection) -> None:
        await connection.send(*pieces, pause_seconds=pause_seconds)

    return behave


def refusal(status: str, error: Any, *headers: bytes) -> bytes:
    """A response with an error status and an error object."""
    return response(status, "application/json", orjson.dumps({"error": error}), b"x-request-id: req-9", *headers)


@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
async def test_the_question(api: Api) -> None:
    """It goes to the API's own path, with the key in a header, and identity is asked for, and a stream of events by its name."""
    async with (
        raw_provider(sends(*api.answer(*api.good))) as server,
        provider_at(server.url.removesuffix("/v1") + api.prefix, dialect=api.dialect) as provider,
    ):
        _, events, error = await outcome(provider, a_call(**api.asks))
        head = server.requests[0].head
    assert error is None
    assert tuple(events) == api.gives("a", "b")
    assert head.startswith(f"POST {api.prefix}{api.path} HTTP/1.1\r\n".encode())
    assert KEY.encode() in head
    assert b"accept-encoding: identity" in head.lower()
    assert b"accept: text/event-stream" in head.lower() or api.dialect.media_type != "text/event-stream"


async def test_utf8_cut_between_packets() -> None:
    """A character may arrive in two packets, and an event in many."""
    whole = b"data: " + orjson.dumps({"choices": [{"delta": {"content": "zażółć 🌊"}}]}) + b"\n\n"
    pieces = [chunked(whole[i : i + 1]) for i in range(len(whole))]
    async with (
        raw_provider(sends(STREAM, *pieces, FINISH, DONE, END, pause_seconds=0.001)) as server,
        provider_at(server.url) as provider,
    ):
        text, _, error = await outcome(provider, a_call())
    assert (text, error) == ("zażółć 🌊", None)


@pytest.mark.parametrize(
    ("encoding", "encode"), [("gzip", gzip.compress), ("deflate", zlib.compress)], ids=["gzip", "deflate"]
)
async def test_stream_that_is_compressed_all_the_same(encoding: str, encode: Any) -> None:
    """A gateway may compress although identity was asked; a piece of it may become many events."""
    plain = b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n' * 3000
    plain += b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    packed = encode(plain)
    answer = response("200 OK", "text/event-stream", packed, f"content-encoding: {encoding}".encode())
    cut = response("200 OK", "text/event-stream", packed[:-40], f"content-encoding: {encoding}".encode())
    answers = iter([answer, cut])

    async def behave(connection: Connection) -> None:
        await connection.send(next(answers))

    async with raw_provider(behave) as server, provider_at(server.url) as provider:
        text, _, error = await outcome(provider, a_call())
        assert (text, error) == ("a" * 3000, None)
        _, _, error = await outcome(provider, a_call())
        assert type(error) is MalformedStream


async def test_a_body_of_several_gzip_members() -> None:
    """A server may compress what it flushes piece by piece; all behind the first piece was taken for a defect."""
    events = [b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'] * 3 + [
        b"",
        FINISH.split(b"\r\n")[1],
        b"data: [DONE]\n\n",
    ]
    packed = b"".join(map(gzip.compress, events))
    head = STREAM.replace(b"x-request-id", b"content-encoding: gzip\r\nx-request-id")
    whole, bytewise = [chunked(packed)], [chunked(packed[at : at + 1]) for at in range(len(packed))]
    for pieces in (whole, bytewise):
        async with raw_provider(sends(head, *pieces, END)) as server, provider_at(server.url) as provider:
            text, _, error = await outcome(provider, a_call())
        assert (text, error) == ("aaa", None)
    cut = chunked(packed[: len(gzip.compress(events[0])) + 5])
    async with raw_provider(sends(head, cut, END)) as server, provider_at(server.url) as provider:
        text, _, error = await outcome(provider, a_call())
    assert (text, type(error)) == ("a", MalformedStream)


async def test_provider_that_echoes_the_key() -> None:
    """Neither the sentence nor the code shows it, and the sentence stays short."""
    answer = refusal("401 Unauthorized", {"message": f"bad key {KEY} " + "x" * 1000, "code": f"bad-{KEY}"})
    async with raw_provider(sends(answer)) as server, provider_at(server.url) as provider:
        _, _, error = await outcome(provider, a_call())
        assert KEY not in repr(provider._transport)
    assert isinstance(error, CredentialRefused)
    assert KEY not in f"{error!r} {error.provider_code}"
    assert "[redacted]" in str(error)
    assert len(str(error)) < 350


async def test_the_provider_s_own_id_of_a_response_is_told_first() -> None:
    """Without our key, which a proxy of theirs may write into it, and no longer than a line of the log takes."""
    head = STREAM.replace(b"req-7", b"req-" + KEY.encode() + b"x" * 1000)
    async with (
        raw_provider(sends(head, FINISH, DONE, END)) as server,
        provider_at(server.url) as provider,
        aclosing(provider.stream(a_call())) as stream,
    ):
        told = await anext(stream)
    assert isinstance(told, Told)
    assert (told.request_id or "").startswith("req-[redacted]xx")
    assert len(told.request_id or "") == 300


def completion(**fields: Any) -> bytes:
    """A whole completion."""
    return response("200 OK", "application/json; charset=utf-8", orjson.dumps(fields))


async def test_answer_in_one_piece() -> None:
    """Reasoning, text and tool calls come as one event each, then the end."""
    message = {
        "role": "assistant",
        "content": "hi",
        "reasoning_content": "hm",
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    }
    answer = completion(
        model="gpt-x-1",
        choices=[{"index": 0, "message": message, "finish_reason": "tool_calls"}],
        usage={"prompt_tokens": 3, "completion_tokens": 1},
    )
    async with raw_provider(sends(answer)) as server, provider_at(server.url) as provider:
        _, events, error = await outcome(provider, a_call(stream=False))
        assert server.requests[0].body["stream"] is False
        assert "stream_options" not in server.requests[0].body
    assert error is None
    assert events == [
        Reasoning("hm"),
        Text("hi"),
        ToolCallPart(0, "c1", "f", "{}"),
        Completed(TokenCounts(input=3, output=1), "tool_calls", "gpt-x-1"),
    ]
