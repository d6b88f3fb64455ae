"""HTTP/2 with the engine httpx and the extra `http2`: a stream, two of them over one connection, and their ends."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from streamproc.chain.provider import Text, Told
from streamproc.errors import Disconnected
from streamproc.providers.catalog import Catalog
from streamproc.settings.provider import ProviderSettings
from tests.faults.cases.table import APIS
from tests.faults.raw_provider import first, outcome
from tests.unit.providers.calls import a_call

pytest.importorskip("h2", reason="HTTP/2 needs the extra http2")

CHAT = next(api for api in APIS if api.name == "openai_chat")


class Server:
    """Speaks HTTP/2. Every stream gets its answer, or, from a server that holds, a token until `finish`."""

    def __init__(self, *, holds: bool) -> None:
        self.holds = holds
        self.port = 0
        self.connections: list[asyncio.StreamWriter] = []
        self.asked: list[dict[bytes, bytes]] = []
        self.reset: list[int] = []
        self._state: Any = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        from h2 import connection, events  # noqa: PLC0415 an extra
        from h2.config import H2Configuration  # noqa: PLC0415 the same

        self.connections.append(writer)
        state = connection.H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self._state = state
        state.initiate_connection()
        writer.write(state.data_to_send())
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            while data := await reader.read(2**16):
                for event in state.receive_data(data):
                    if isinstance(event, events.RequestReceived):
                        self.asked.append(dict(event.headers))
                    elif isinstance(event, events.StreamReset):
                        self.reset.append(event.stream_id)
                    elif isinstance(event, events.StreamEnded):
                        self._answer(state, event.stream_id)
                writer.write(state.data_to_send())
        writer.close()

    def finish(self, stream: int) -> None:
        """Sends the whole answer behind the token."""
        self._state.send_data(stream, b"".join(CHAT.good), end_stream=True)
        self.connections[0].write(self._state.data_to_send())

    def _answer(self, state: Any, stream: int) -> None:
        kind = CHAT.dialect.media_type.encode()
        state.send_headers(stream, [(b":status", b"200"), (b"content-type", kind)])
        if self.holds:
            state.send_data(stream, CHAT.token("a"))
        else:
            state.send_data(stream, b"".join(CHAT.good), end_stream=True)


@asynccontextmanager
async def a_server(certificate: tuple[Path, Path], *, holds: bool = False) -> AsyncIterator[tuple[Server, Catalog]]:
    """The server, and a provider `p` of ours that trusts it."""
    server = Server(holds=holds)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(*certificate)
    tls.set_alpn_protocols(["h2"])
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls) as listening:
        server.port = listening.sockets[0].getsockname()[1]
        fields = {
            "models": ["m"],
            "base_url": f"https://localhost:{server.port}/v1",
            "engine": "httpx",
            "tls": {"ca_file": certificate[0]},
        }
        built = Catalog({"p": ProviderSettings.model_validate(fields)}, now=lambda: 0.0)
        try:
            yield server, built
        finally:
            await built.aclose()
            for writer in server.connections:
                if not writer.is_closing():  # asyncio's TLS transport cannot be aborted once it is closed
                    writer.transport.abort()
    await asyncio.sleep(0.01)


async def test_a_stream(certificate: tuple[Path, Path]) -> None:
    """The same events as over HTTP/1.1; names of headers are in lower case and none is of the connection."""
    async with a_server(certificate) as (server, built):
        _, events, error = await outcome(built.providers["p"], a_call())
        assert error is None
        assert tuple(events) == CHAT.gives("a", "b")
        assert server.asked[0][b":path"] == b"/v1/chat/completions"
        assert not {b"host", b"connection"} & server.asked[0].keys()


async def test_two_at_once(certificate: tuple[Path, Path]) -> None:
    """Over one connection; whoever leaves does no harm to the other. httpx does not tell the server, which goes on.

    The documentation warns of that: with our own engine a call that is left closes its connection.
    """
    async with a_server(certificate, holds=True) as (server, built):
        async with aclosing(built.providers["p"].stream(a_call())) as one:
            assert await first(one) == Text("a")
            async with aclosing(built.providers["p"].stream(a_call())) as two:
                assert await first(two) == Text("a")
            server.finish(1)
            assert [event async for event in one if not isinstance(event, Told)] == list(CHAT.gives("a", "b"))
        assert len(server.connections) == 1
        assert server.reset == []


async def test_an_end_in_mid_stream(certificate: tuple[Path, Path]) -> None:
    """The token is given, then the cut is told, and may have cost money."""
    async with a_server(certificate, holds=True) as (server, built):
        async with aclosing(built.providers["p"].stream(a_call())) as stream:
            assert await first(stream) == Text("a")
            server.connections[0].transport.abort()
            with pytest.raises(Disconnected) as cut:
                await anext(stream)
        assert cut.value.may_have_cost
