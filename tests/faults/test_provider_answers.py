"""What a provider answers: error objects, pages, broken JSON, cut streams, refusals. Real bytes on real sockets."""

import asyncio
import gzip
import zlib
from typing import Any

import orjson
import pytest

from streamproc.chain.provider import Completed, Reasoning, Text, ToolCallPart
from streamproc.errors import (
    BadRequest,
    ContextTooLong,
    CredentialRefused,
    IncompleteStream,
    MalformedStream,
    Overloaded,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    ServerFault,
)
from streamproc.records.usage import TokenCounts
from tests.faults.raw_provider import (
    DONE,
    END,
    FINISH,
    KEY,
    STREAM,
    USAGE,
    Connection,
    chunked,
    event,
    outcome,
    provider_at,
    raw_provider,
    response,
    token,
)
from tests.unit.providers.calls import a_call


def sends(*pieces: bytes, pause_seconds: float = 0.0) -> Any:
    """A behaviour that sends these bytes and leaves the connection open."""

    async def behave(connection: Connection) -> None:
        await connection.send(*pieces, pause_seconds=pause_seconds)

    return behave


def error_event(**error: Any) -> bytes:
    """An error object inside a stream."""
    return event({"error": error})


def refusal(status: str, error: Any, *headers: bytes) -> bytes:
    """A response with an error status and an error object."""
    return response(status, "application/json", orjson.dumps({"error": error}), b"x-request-id: req-9", *headers)


async def test_good_stream() -> None:
    """Text, usage and finish reason; the key is in the header, and identity is asked for."""
    async with raw_provider(sends(STREAM, token("a"), token("b"), FINISH, USAGE, DONE, END)) as server:
        async with provider_at(server.url) as provider:
            _, events, error = await outcome(provider, a_call())
        head = server.requests[0].head.lower()
    assert error is None
    assert events == [Text("a"), Text("b"), Completed(TokenCounts(input=7, output=2), "stop")]
    assert head.startswith(b"post /v1/chat/completions http/1.1")
    assert f"authorization: bearer {KEY}".encode() in head
    assert b"accept-encoding: identity" in head
    assert b"accept: text/event-stream" in head


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


CUT_STREAMS: dict[str, tuple[list[bytes], type[ProviderError], str]] = {
    "end of bytes": ([token("a"), END], IncompleteStream, "[DONE]"),
    "[DONE] without a finish reason": ([token("a"), DONE, END], IncompleteStream, "finish reason"),
    "finish reason without [DONE]": ([token("a"), FINISH, USAGE, END], IncompleteStream, "[DONE]"),
    "unfinished event at the end": ([token("a"), FINISH, chunked(b"data: [DONE]\n"), END], IncompleteStream, "[DONE]"),
    "broken JSON": ([token("a"), chunked(b'data: {"choices":\n\n')], MalformedStream, "JSON"),
    "no object": ([token("a"), chunked(b"data: 17\n\n")], MalformedStream, "completion"),
    "a list": ([token("a"), chunked(b"data: []\n\n")], MalformedStream, "completion"),
    "choices of a wrong kind": ([token("a"), event({"choices": {"0": 1}})], MalformedStream, "completion"),
    "delta of a wrong kind": ([token("a"), event({"choices": [{"delta": "x"}]})], MalformedStream, "completion"),
    "content of a wrong kind": ([token("a"), event({"choices": [{"delta": {"content": 1}}]})], MalformedStream, "text"),
    "invalid UTF-8": (
        [token("a"), chunked(b'data: {"choices":[{"delta":{"content":"\xff\xfe"}}]}\n\n')],
        MalformedStream,
        "JSON",
    ),
    "huge event": ([token("a"), *[chunked(b"data: " + b"x" * 999)] * 6], MalformedStream, "4096 bytes"),
    "error object": (
        [token("a"), error_event(message="boom", type="server_error", code=None)],
        ServerFault,
        "boom",
    ),
    "overload as error object": ([token("a"), error_event(message="x", type="overloaded_error")], Overloaded, "x"),
    "rate limit as error object": (
        [token("a"), error_event(message="x", type="requests", code="rate_limit_exceeded")],
        RateLimited,
        "x",
    ),
    "error object with a status in it": ([token("a"), error_event(message="x", code="429")], RateLimited, "x"),
    "error object of a proxy": (
        [token("a"), error_event(message="x", type="None", param="None", code="500")],
        ServerFault,
        "x",
    ),
    "quota as error object": ([token("a"), error_event(message="x", code="insufficient_quota")], QuotaExhausted, "x"),
    "error as text": ([token("a"), event({"error": "unexpected EOF"})], ServerFault, "unexpected EOF"),
    "error that is the object itself": (
        [token("a"), event({"object": "error", "message": "late", "code": 400})],
        BadRequest,
        "late",
    ),
}


@pytest.mark.parametrize("case", CUT_STREAMS)
async def test_stream_that_goes_wrong(case: str) -> None:
    """The tokens before it are given; the error has its class and may have cost."""
    pieces, expected, words = CUT_STREAMS[case]
    async with raw_provider(sends(STREAM, *pieces, pause_seconds=0.01)) as server, provider_at(server.url) as provider:
        text, events, error = await asyncio.wait_for(outcome(provider, a_call()), 5)
    assert text == "a"
    assert type(error) is expected
    assert words in str(error)
    assert error.may_have_cost
    assert error.status_code == 200
    assert error.request_id == "req-7"
    assert not any(isinstance(seen, Completed) for seen in events)


PAGE = b"<html><body>Bad Gateway</body></html>"
NOT_STREAMS: dict[str, tuple[bytes, type[ProviderError]]] = {
    "empty body": (STREAM + END, MalformedStream),
    "empty body without a type": (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", MalformedStream),
    "only pings": (STREAM + chunked(b": ping\n\n") + END, MalformedStream),
    "a page": (response("200 OK", "text/html", PAGE), MalformedStream),
    "a page that says it is a stream": (response("200 OK", "text/event-stream", PAGE), MalformedStream),
    "a whole completion": (
        response("200 OK", "application/json", b'{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}]}'),
        MalformedStream,
    ),
    "an error object": (
        response("200 OK", "application/json", b'{"error":{"code":"context_length_exceeded","message":"m"}}'),
        ContextTooLong,
    ),
    "unknown content-encoding": (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: br\r\ncontent-length: 1\r\n\r\nx",
        MalformedStream,
    ),
    "two content-encodings": (
        response(
            "200 OK",
            "text/event-stream",
            gzip.compress(b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'),
            b"content-encoding: gzip\r\ncontent-encoding: gzip",
        ),
        MalformedStream,
    ),
}


@pytest.mark.parametrize("case", NOT_STREAMS)
async def test_ok_that_is_no_stream(case: str) -> None:
    """A 200 alone is no answer."""
    answer, expected = NOT_STREAMS[case]
    async with raw_provider(sends(answer)) as server, provider_at(server.url) as provider:
        text, events, error = await outcome(provider, a_call())
    assert (text, events) == ("", [])
    assert type(error) is expected
    assert error.may_have_cost


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


REFUSALS: dict[str, tuple[bytes, type[ProviderError], float | None]] = {
    "401": (refusal("401 Unauthorized", {"message": "no", "code": "invalid_api_key"}), CredentialRefused, None),
    "429 quota": (
        refusal("429 Too Many Requests", {"message": "m", "type": "insufficient_quota", "code": "insufficient_quota"}),
        QuotaExhausted,
        None,
    ),
    "429 seconds": (refusal("429 Too Many Requests", {"message": "m"}, b"Retry-After: 7"), RateLimited, 7),
    "429 fraction": (refusal("429 Too Many Requests", {"message": "m"}, b"retry-after: 0.25"), RateLimited, 0.25),
    "429 milliseconds": (
        refusal("429 Too Many Requests", {"message": "m"}, b"retry-after-ms: 1500", b"retry-after: 9"),
        RateLimited,
        1.5,
    ),
    "429 date": (
        refusal("429 Too Many Requests", {"message": "m"}, b"retry-after: Mon, 12 Jan 1970 13:47:00 GMT"),
        RateLimited,
        20,
    ),
    "429 nonsense": (refusal("429 Too Many Requests", {"message": "m"}, b"retry-after: soon"), RateLimited, None),
    "502 page": (response("502 Bad Gateway", "text/html", PAGE, b"x-request-id: req-9"), ServerFault, None),
    "503": (refusal("503 Service Unavailable", {"message": "m"}, b"retry-after: 3"), Overloaded, 3),
    "redirect": (refusal("307 Temporary Redirect", {}, b"location: /elsewhere"), ServerFault, None),
    "llama.cpp context": (
        refusal(
            "400 Bad Request",
            {
                "code": 400,
                "message": "the request exceeds the available context size",
                "type": "exceed_context_size_error",
                "n_prompt_tokens": 900,
                "n_ctx": 512,
            },
        ),
        ContextTooLong,
        None,
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
async def test_refusal(case: str) -> None:
    """The status and the error object decide; nothing was billed."""
    answer, expected, retry_after = REFUSALS[case]
    async with raw_provider(sends(answer)) as server, provider_at(server.url) as provider:
        _, events, error = await outcome(provider, a_call())
        assert len(server.requests) == 1
    assert events == []
    assert type(error) is expected
    assert error.retry_after_seconds == (None if retry_after is None else pytest.approx(retry_after))
    assert error.request_id == "req-9"
    assert not error.may_have_cost


async def test_refusal_whose_body_is_cut() -> None:
    """The status is known, so the class is."""

    async def behave(connection: Connection) -> None:
        await connection.send(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 999\r\n\r\n{")
        connection.close()

    async with raw_provider(behave) as server, provider_at(server.url) as provider:
        _, _, error = await outcome(provider, a_call())
    assert type(error) is CredentialRefused
    assert error.status_code == 401


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


BAD_COMPLETIONS: dict[str, tuple[bytes, type[ProviderError]]] = {
    "no finish reason": (completion(choices=[{"message": {"content": "a"}, "finish_reason": None}]), IncompleteStream),
    "no choices": (completion(choices=[]), IncompleteStream),
    "empty": (response("200 OK", "application/json", b""), MalformedStream),
    "blank": (response("200 OK", "application/json", b"  \n"), MalformedStream),
    "page": (response("200 OK", "text/html", PAGE), MalformedStream),
    "broken": (response("200 OK", "application/json", b'{"choices":['), MalformedStream),
    "too large": (response("200 OK", "application/json", b" " * 9000), MalformedStream),
    "error object": (completion(error={"message": "m", "code": "content_filter"}), ProviderError),
}


@pytest.mark.parametrize("case", BAD_COMPLETIONS)
async def test_answer_in_one_piece_that_is_none(case: str) -> None:
    """Each is an error that may have cost."""
    answer, expected = BAD_COMPLETIONS[case]
    async with raw_provider(sends(answer)) as server, provider_at(server.url) as provider:
        _, events, error = await outcome(provider, a_call(stream=False))
    assert events == []
    assert isinstance(error, expected)
    assert error.may_have_cost
