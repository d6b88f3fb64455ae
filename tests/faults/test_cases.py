"""Every case of the table: class, events, usage basis, and nothing left of the call. Real bytes on real sockets."""

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from streamproc.chain.accounting import Accounted
from streamproc.errors import ProviderError
from tests.fakes import FakeClock, Seen, eventually
from tests.faults.cases.case import Case
from tests.faults.cases.table import APIS, CASES
from tests.faults.raw_provider import Connection, outcome, provider_at, raw_provider
from tests.unit.chain.accounts import RATES, a_measure
from tests.unit.providers.calls import a_call


def test_there_are_as_many_as_it_says() -> None:
    """A table that lost a part would pass: at least 80 situations for each API."""
    for api in APIS:
        assert sum(found is api for found, _ in CASES.values()) >= 80


@pytest.mark.parametrize("name", CASES)
async def test_case(name: str, request: pytest.FixtureRequest) -> None:
    """What is seen is what the table says; afterwards no task is left, and no socket."""
    api, case = CASES[name]
    tasks, sockets = asyncio.all_tasks(), _sockets()
    call = a_call(**api.asks, stream=case.stream)
    async with (
        _address(case, request) as address,
        provider_at(f"{address}{api.prefix}", dialect=api.dialect, max_event_bytes=2**20, max_body_bytes=2**23,
                    **case.within) as provider,
    ):  # fmt: skip
        accounted = Accounted(provider, lambda *_: RATES, a_measure(), FakeClock(), Seen())
        _, events, error = await asyncio.wait_for(outcome(accounted, call), 10)
        await eventually(lambda: " 0 in use" in repr(provider._transport._engine))
    assert tuple(events) == case.events, error
    assert type(error) is (case.error or type(None)), error
    assert [line.basis for line in call.progress.lines] == [case.basis] * (case.basis is not None)
    if isinstance(error, ProviderError):
        assert case.says in str(error)
        assert error.status_code == case.status
        assert error.request_id == case.request_id
        assert error.retry_after_seconds == (None if case.retry_after is None else pytest.approx(case.retry_after))
    await eventually(lambda: asyncio.all_tasks() == tasks)
    await eventually(lambda: _sockets() == sockets)


@asynccontextmanager
async def _address(case: Case, request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """Where the call goes."""

    async def behave(connection: Connection) -> None:
        await _behave(case, connection)

    if case.at == "nowhere":
        yield "http://no-such-host.invalid"
    elif case.at == "nobody":
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            yield f"http://127.0.0.1:{unused.getsockname()[1]}"
    elif case.at == "server":
        async with raw_provider(behave) as server:
            yield server.url.removesuffix("/v1")
    else:
        tls = None
        if case.at == "not trusted":
            tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            tls.load_cert_chain(*request.getfixturevalue("certificate"))
        async with _speaking_first(tls) as port:
            yield f"https://localhost:{port}"


async def _behave(case: Case, connection: Connection) -> None:
    for step in case.sends:
        if isinstance(step, float | int):
            await asyncio.sleep(step)
        else:
            await connection.send(step if isinstance(step, bytes) else step())
    while case.drips:
        await connection.send(case.drips, pause_seconds=0.02)
    match case.ends:
        case "closes":
            connection.close()
        case "resets":
            connection.reset()
        case "holds":
            await connection.hold()


@asynccontextmanager
async def _speaking_first(tls: ssl.SSLContext | None) -> AsyncIterator[int]:
    """A server that does not wait for the question; gives its port."""

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls) as listening:
        yield listening.sockets[0].getsockname()[1]


def _sockets() -> int:
    """Open sockets of this process, where the system lists them."""
    found = 0
    folder = "/proc/self/fd"
    for name in os.listdir(folder) if os.path.isdir(folder) else ():  # noqa: PTH112, PTH208 pathlib is slow
        with contextlib.suppress(OSError):  # the list itself is one that is closed by now
            found += os.readlink(f"{folder}/{name}").startswith("socket:")  # noqa: PTH115 the same
    return found
