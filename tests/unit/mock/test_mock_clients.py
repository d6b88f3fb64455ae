"""Clients that go away, do not read, or send one request behind the other; the server's start and end."""

import asyncio
import contextlib
import json

import pytest

from streamproc.errors import SetupError
from streamproc.mock.behaviour import MockSettings
from streamproc.mock.server import MockServer, serve
from tests.unit.mock.exchange import BODY, STREAM, ask, events, exchange, rendered, running


async def test_requests_behind_one_another_on_one_connection(mock: MockServer) -> None:
    """They are answered in their order, also when the second came before the first was answered."""
    one = rendered(json.dumps(STREAM | {"seed": 1}).encode())
    two = rendered(json.dumps(BODY | {"model": "mock-t2-i0-f0"}).encode())
    last = rendered(b"", method="GET", path="/healthz", more="connection: close\r\n")
    response = await exchange(mock, one + two + last)
    assert [response.count(b"HTTP/1.1 200 OK"), response.count(b"[DONE]")] == [3, 1]
    assert response.index(b"[DONE]") < response.index(b'"chat.completion"') < response.index(b'"status":"ok"')


async def test_calls_are_listed_under_the_names_that_the_client_gave_them(mock: MockServer) -> None:
    """Answered, refused and unreadable ones alike; a call without a name has none, and none of a former call's."""
    named = [
        rendered(body, more=f"X-Client-Request-Id: {name}\r\n")
        for name, body in (
            ("run/7/1", json.dumps(STREAM).encode()),
            ("run/7/2", json.dumps(BODY | {"model": "mock-e503"}).encode()),
            ("run/7/3", b"no JSON"),
        )
    ]
    last = rendered(json.dumps(BODY).encode(), more="connection: close\r\n")
    await exchange(mock, b"".join(named) + last)
    stats = await exchange(mock, rendered(b"", method="GET", path="/stats?calls=1", more="connection: close\r\n"))
    calls = json.loads(stats.partition(b"\r\n\r\n")[2])["calls"]
    assert [(call["client_request_id"], call["outcome"]) for call in calls] == [
        ("run/7/1", "completed"),
        ("run/7/2", "server_is_overloaded"),
        ("run/7/3", "invalid_request"),
        (None, "completed"),
    ]


async def test_a_client_that_waits_for_leave_to_send_its_body(mock: MockServer) -> None:
    """It gets `100 Continue` before the answer."""
    reader, writer = await asyncio.open_connection(mock.host, mock.port)
    head, body = rendered(json.dumps(BODY).encode(), more="expect: 100-continue\r\n").split(b"\r\n\r\n")
    writer.write(head + b"\r\n\r\n")
    async with asyncio.timeout(10):
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        writer.write(body)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK")
    writer.close()


async def test_a_client_that_goes_away(mock: MockServer, caplog: pytest.LogCaptureFixture) -> None:
    """Generation stops at once; the call is cancelled and its tokens so far are on the bill."""
    reader, writer = await asyncio.open_connection(mock.host, mock.port)
    writer.write(rendered(json.dumps(STREAM | {"model": "mock-t1000-i10-f1"}).encode()))
    async with asyncio.timeout(10):
        await reader.readuntil(b"\n\n\r\n")
    writer.close()
    await running(mock, 0)
    (call,) = mock.stats.calls
    assert call.outcome == "cancelled"
    assert 1 <= call.output_tokens < 100
    await asyncio.sleep(0.15)
    assert mock.stats.snapshot()["output_tokens"] == call.output_tokens
    assert not caplog.records  # asyncio would complain of the sixth write to a lost connection


async def test_a_client_that_goes_away_before_a_whole_answer(mock: MockServer) -> None:
    """The tokens generated so far are on the bill, although none was sent."""
    _, writer = await asyncio.open_connection(mock.host, mock.port)
    writer.write(rendered(json.dumps(BODY | {"model": "mock-t1000-i10-f1"}).encode()))
    await running(mock, 1)
    await asyncio.sleep(0.05)
    writer.close()
    await running(mock, 0)
    (call,) = mock.stats.calls
    assert call.outcome == "cancelled"
    assert 1 <= call.output_tokens < 100


async def test_a_client_that_does_not_read(mock: MockServer) -> None:
    """Its answer is held up, so memory stays bounded; other answers go on, and it gets all when it reads again."""
    reader, writer = await asyncio.open_connection(mock.host, mock.port, limit=1024)
    body = json.dumps(STREAM | {"model": "mock-t40000-i0-f0"}).encode()
    writer.write(rendered(body, more="connection: close\r\n"))
    written = [-1, 0]
    async with asyncio.timeout(30):
        while written[-1] > written[-2] or written[-1] == 0:  # the buffers of the system take some of it
            await asyncio.sleep(0.2)
            written.append(mock.stats.snapshot()["output_tokens"])
    assert written[-1] < 40_000
    assert events(await ask(mock, STREAM))[1]
    async with asyncio.timeout(30):
        received, is_whole = events(await reader.read())
    assert is_whole
    assert len(received) == 1 + 40_000 + 3
    writer.close()


async def test_the_bill_over_http(mock: MockServer) -> None:
    """Totals, figures of each model, the list of calls on demand; a reset forgets them."""
    await ask(mock, STREAM)
    await ask(mock, BODY | {"model": "mock-e500"})
    figures = json.loads((await ask(mock, b"", method="GET", path="/stats?calls=1")).partition(b"\r\n\r\n")[2])
    first, second = figures.pop("calls")
    tokens = {"input_tokens": 5, "output_tokens": 5, "cached_tokens": 0, "cache_write_tokens": 0, "reasoning_tokens": 0}
    assert figures == {
        "requests": 2,
        "running": 0,
        "completed": 1,
        "cut": 0,
        "cancelled": 0,
        "errors": {"server_error": 1},
        "faults": {"e500": 1},
        **tokens,
        "models": {"mock-t5-i1-f1": {"calls": 1, **tokens}},
        "shapes": {"openai_chat": {"calls": 1, **tokens}},
    }
    assert (first["outcome"], first["input_tokens"], first["output_tokens"]) == ("completed", 5, 5)
    assert (first["shape"], first["fault"]) == ("openai_chat", None)
    assert (second["outcome"], second["model"], second["fault"]) == ("server_error", "mock-e500", "e500")
    assert first["request_hash"] != second["request_hash"]
    await ask(mock, b"", path="/stats/reset")
    assert json.loads((await ask(mock, b"", method="GET", path="/stats")).partition(b"\r\n\r\n")[2])["requests"] == 0


async def test_closing_with_answers_on_their_way() -> None:
    """Clients see the end of the connection, and the calls are cancelled."""
    mock = await serve(MockSettings())
    reader, writer = await asyncio.open_connection(mock.host, mock.port)
    writer.write(rendered(json.dumps(STREAM | {"model": "mock-t1000-i10-f1"}).encode()))
    await reader.readuntil(b"\n\n\r\n")
    await mock.close()
    received = b""
    with contextlib.suppress(ConnectionResetError):
        received = await reader.read()
    assert b"[DONE]" not in received
    writer.close()
    assert mock.stats.snapshot()["cancelled"] == 1


async def test_a_port_that_is_taken(mock: MockServer) -> None:
    """One sentence with the address and a way out."""
    with pytest.raises(SetupError, match=rf"cannot listen on 127.0.0.1:{mock.port}: .*; choose another port"):
        await serve(MockSettings(), port=mock.port)


async def test_an_outage_ends_by_itself(mock: MockServer) -> None:
    """Every call fails with the status that was asked for, and then none does; what makes no sense is refused."""
    body = json.dumps(STREAM | {"model": "mock-t2-i0-f0"}).encode()
    assert b"400" in (await ask(mock, b"", path="/outage?status=200&seconds=1")).partition(b"\r\n")[0]
    assert b"400" in (await ask(mock, b"", path="/outage?seconds=soon")).partition(b"\r\n")[0]
    assert b"200" in (await ask(mock, b"", path="/outage?status=529&seconds=60")).partition(b"\r\n")[0]
    assert b"529" in (await ask(mock, body)).partition(b"\r\n")[0]
    await ask(mock, b"", path="/outage?seconds=0")
    assert b"200" in (await ask(mock, body)).partition(b"\r\n")[0]
