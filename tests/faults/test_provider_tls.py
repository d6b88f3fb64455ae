"""TLS: who is trusted, for which name, and what an end in mid-stream is. A server with a certificate of its own."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from streamproc.errors import ConnectFailed, Disconnected
from streamproc.providers.transport_engine import NothingSent
from tests.faults.raw_provider import DONE, END, FINISH, STREAM, Connection, outcome, provider_at, raw_provider, token
from tests.unit.providers.calls import a_call


class Seen:
    """What the server saw."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.connections = 0
        self.protocols: set[str | None] = set()


@asynccontextmanager
async def a_server(certificate: tuple[Path, Path], *pieces: bytes, closes: bool = False) -> AsyncIterator[Seen]:
    """Answers each request with these pieces, over TLS, on IPv4 alone."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(*certificate)
    tls.set_alpn_protocols(["h2", "http/1.1"])

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections += 1
        seen.protocols.add(writer.get_extra_info("ssl_object").selected_alpn_protocol())
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
                await reader.readexactly(int(length.split(b":")[1]))
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                if closes:
                    break
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.transport.abort()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    seen = Seen(listening.sockets[0].getsockname()[1])
    async with listening:
        yield seen
    await asyncio.sleep(0.01)


GOOD = (STREAM, token("a"), token("b"), FINISH, DONE, END)


async def test_a_certificate_that_is_trusted(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenSSL's own variable names whom we trust. HTTP/1.1 is agreed on, and the connection is used again."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    async with a_server(certificate, *GOOD) as server, provider_at(f"https://localhost:{server.port}/v1") as provider:
        for _ in range(3):
            text, _, error = await outcome(provider, a_call())
            assert (text, error) == ("ab", None)
        assert (server.connections, server.protocols) == (1, {"http/1.1"})


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_a_certificate_that_is_not(
    certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """Unknown, or known but for another name: nothing was sent, so nothing was paid."""
    if host == "127.0.0.1":
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    async with a_server(certificate, *GOOD) as server, provider_at(f"https://{host}:{server.port}/v1") as provider:
        _, _, error = await outcome(provider, a_call())
        assert isinstance(error, ConnectFailed)
        assert not error.may_have_cost
        assert isinstance(error.__cause__, NothingSent)
        assert "certificate verify failed" in str(error).lower()


async def test_a_server_without_tls() -> None:
    """It waits for the end of what it takes for a request; the connect deadline covers the handshake."""

    async def behave(connection: Connection) -> None:
        connection.close()

    async with raw_provider(behave) as server:
        async with provider_at(server.url.replace("http:", "https:"), connect_seconds=0.3) as provider:
            _, _, error = await asyncio.wait_for(outcome(provider, a_call()), 5)
        assert isinstance(error, ConnectFailed)
        assert isinstance(error.__cause__, NothingSent)
        assert isinstance(error.__cause__.__cause__, TimeoutError)
        assert server.requests == []


async def test_an_end_in_mid_stream(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """The tokens are given, then the cut is told; whoever cut it has no key of TLS to make it look like an end."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    async with (
        a_server(certificate, STREAM, token("a"), closes=True) as server,
        provider_at(f"https://localhost:{server.port}/v1") as provider,
    ):
        text, _, error = await outcome(provider, a_call())
        assert text == "a"
        assert isinstance(error, Disconnected)
        assert error.may_have_cost
