"""Faults that were planned come exactly as planned."""

import json
from typing import TYPE_CHECKING

import pytest

from streamproc.mock.server import MockServer
from tests.unit.mock.exchange import BODY, STREAM, ask, events, exchange, rendered

if TYPE_CHECKING:
    from openai import AsyncOpenAI


@pytest.mark.parametrize(
    ("model", "error"),
    [
        ("mock-e429", "RateLimitError"),
        ("mock-quota", "RateLimitError"),
        ("mock-e401", "AuthenticationError"),
        ("mock-e500", "InternalServerError"),
    ],
)
async def test_planned_errors(sdk: "AsyncOpenAI", model: str, error: str) -> None:
    """The SDK raises its own class for them; a 429 carries the hint of the settings."""
    from openai import APIStatusError  # noqa: PLC0415 half a second, and all processes of a run read this file

    with pytest.raises(APIStatusError) as caught:
        await sdk.chat.completions.create(**BODY | {"model": model})
    assert type(caught.value).__name__ == error
    hint = caught.value.response.headers.get("retry-after")
    assert hint == ("0.5" if caught.value.status_code == 429 else None)


async def test_a_planned_cut(mock: MockServer) -> None:
    """Exactly that many words, then the connection closes without finish reason, end mark or end of the body."""
    body = json.dumps(STREAM | {"model": "mock-t9-i1-f1-cut4"}).encode()
    received, is_whole = events(await exchange(mock, rendered(body)))  # the client asked for no close
    assert not is_whole
    assert len(received) == 1 + 4
    figures = mock.stats.snapshot()
    assert (figures["cut"], figures["completed"], figures["output_tokens"]) == (1, 0, 4)


async def test_a_cut_of_an_answer_that_is_not_streamed(mock: MockServer) -> None:
    """Fewer bytes come than the head promises."""
    head, _, body = (await ask(mock, BODY | {"model": "mock-t9-i1-f1-cut4"})).partition(b"\r\n\r\n")
    promised = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    assert 0 < len(body) < promised
    (call,) = mock.stats.calls
    assert (call.outcome, call.input_tokens, call.output_tokens) == ("cut", 5, 4)


async def test_a_cut_that_comes_once(mock: MockServer) -> None:
    """The same body sent again gets its whole answer; another body is cut again."""
    body = STREAM | {"model": "mock-t9-i1-f1-cutonce4"}
    assert [(events(await ask(mock, body)))[1] for _ in range(3)] == [False, True, True]
    assert not events(await ask(mock, body | {"seed": 1}))[1]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"{", "could not parse"),
        (b"[]", "model parameter"),
        (b'{"model":"mock"}', "messages"),
        (b'{"model":"mock","messages":[]}', "messages"),
        (b'{"model":"mock","messages":[{}],"max_tokens":0}', "at least 1"),
        (b'{"model":"mock","messages":[{}],"max_tokens":true}', "at least 1"),
    ],
)
async def test_a_body_that_is_no_chat_request(mock: MockServer, body: bytes, sentence: str) -> None:
    """400 with OpenAI's error object."""
    head, _, content = (await ask(mock, body)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    error = json.loads(content)["error"]
    assert error["type"] == "invalid_request_error"
    assert sentence in error["message"]
    assert mock.stats.snapshot()["errors"] == {"invalid_request": 1}


@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/nothing"), ("GET", "/v1/chat/completions"), ("GET", "/")])
async def test_an_unknown_url(mock: MockServer, method: str, path: str) -> None:
    """404 with OpenAI's error object."""
    head, _, content = (await ask(mock, b"", method=method, path=path)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404 Not Found\r\n")
    assert json.loads(content)["error"]["code"] == "unknown_url"


async def test_bytes_that_are_no_http(mock: MockServer) -> None:
    """400, and the connection closes."""
    assert (await exchange(mock, b"\x16\x03\x01 hello\r\n\r\n")).startswith(b"HTTP/1.1 400 ")
