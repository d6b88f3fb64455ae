"""Through an HTTP proxy, with the engine httpx: a request as it is, a tunnel for https, and proxies that refuse."""

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from streamproc.errors import ConnectFailed, SetupError
from streamproc.providers.catalog import Catalog
from streamproc.settings.provider import ProviderSettings
from tests.faults.raw_provider import DONE, END, FINISH, STREAM, Connection, outcome, raw_provider, token
from tests.unit.providers.calls import a_call

ANSWER = (STREAM, token("a"), FINISH, DONE, END)
PASSWORD = "made-up:pass/word"
LOGIN = {"proxy_user": "we", "proxy_password": PASSWORD}
BASIC = b"proxy-authorization: Basic " + base64.b64encode(f"we:{PASSWORD}".encode())


def catalog(base_url: str, proxy: str, **more: Any) -> Catalog:
    """One provider `p` behind a proxy."""
    fields = {"models": ["m"], "base_url": base_url, "engine": "httpx", "proxy": proxy, **more}
    return Catalog({"p": ProviderSettings.model_validate(fields)}, now=lambda: 0.0)


async def test_a_request_goes_to_the_proxy_whole() -> None:
    """It names the whole URL; we look up no address, and say who we are."""

    async def behave(connection: Connection) -> None:
        await connection.send(*ANSWER)

    async with raw_provider(behave) as proxy:
        built = catalog("http://provider.invalid/v1", proxy.url.removesuffix("/v1"), **LOGIN)
        text, _, error = await outcome(built.providers["p"], a_call())
        await built.aclose()
    assert (text, error) == ("a", None)
    head = proxy.requests[0].head
    assert head.startswith(b"POST http://provider.invalid/v1/chat/completions HTTP/1.1\r\n")
    assert BASIC.lower() in head.lower()
    assert BASIC.partition(b"Basic ")[2] in head


class Tunnel:
    """A proxy that opens tunnels: what it was asked, and what it says instead when it does not."""

    def __init__(self, refuses: bytes | None) -> None:
        self.refuses = refuses
        self.heads: list[bytes] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of a client."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head)
            if self.refuses is not None:
                writer.write(self.refuses)
                await writer.drain()
            else:
                host, _, port = head.split(b" ")[1].decode().partition(":")
                inner, outer = await asyncio.open_connection(host, int(port))
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                await asyncio.gather(_pump(reader, outer), _pump(inner, writer))
        writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(2**16):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def a_tunnel(refuses: bytes | None = None) -> AsyncIterator[Tunnel]:
    """A proxy on the loopback address."""
    tunnel = Tunnel(refuses)
    async with await asyncio.start_server(tunnel.serve, "127.0.0.1", 0) as listening:
        tunnel.port = listening.sockets[0].getsockname()[1]
        yield tunnel
    await asyncio.sleep(0.01)


async def test_https_goes_through_a_tunnel(certificate: tuple[Path, Path]) -> None:
    """The proxy sees host and port and nothing of the request; the key is for the provider's eyes alone."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(*certificate)
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"".join(ANSWER))
            await reader.read()
        writer.transport.abort()

    async with a_tunnel() as tunnel, await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls) as listening:
        port = listening.sockets[0].getsockname()[1]
        built = catalog(
            f"https://localhost:{port}/v1", f"http://127.0.0.1:{tunnel.port}",
            tls={"ca_file": certificate[0]}, api_key="sk-made-up", **LOGIN,
        )  # fmt: skip
        text, _, error = await outcome(built.providers["p"], a_call())
        await built.aclose()
    assert (text, error) == ("a", None)
    assert tunnel.heads[0].startswith(f"CONNECT localhost:{port} HTTP/1.1\r\n".encode())
    assert BASIC.partition(b"Basic ")[2] in tunnel.heads[0]
    assert b"sk-made-up" not in tunnel.heads[0]
    assert b"authorization: Bearer sk-made-up" in heads[0]
    assert b"proxy-authorization" not in heads[0].lower()


async def test_a_proxy_that_refuses() -> None:
    """Nothing reached the provider, so nothing was paid; its reason is told, our password is not."""
    async with a_tunnel(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n") as tunnel:
        built = catalog("https://provider.invalid/v1", f"http://127.0.0.1:{tunnel.port}", **LOGIN)
        _, _, error = await outcome(built.providers["p"], a_call())
        await built.aclose()
    assert isinstance(error, ConnectFailed)
    assert not error.may_have_cost
    assert "407" in str(error)
    assert PASSWORD not in str(error)


async def test_nobody_is_the_proxy() -> None:
    """As with a provider that is away."""
    async with a_tunnel() as tunnel:
        port = tunnel.port
    built = catalog("https://provider.invalid/v1", f"http://127.0.0.1:{port}")
    _, _, error = await outcome(built.providers["p"], a_call())
    assert isinstance(error, ConnectFailed)
    await built.aclose()


async def test_the_check_at_start_asks_the_proxy() -> None:
    """It looked for the provider itself, and refused to start where only the proxy knows the way."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with a_tunnel() as tunnel, await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        proxy = f"http://127.0.0.1:{tunnel.port}"
        built = catalog(f"https://127.0.0.1:{port}/v1", proxy, **LOGIN)
        await built.check_reachable()
        assert tunnel.heads[0].startswith(f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\n".encode())
        assert BASIC in tunnel.heads[0]
        # Without TLS the proxy would have to be sent a request: that it is there must be enough.
        await catalog("http://provider.invalid/v1", proxy).check_reachable()
        assert len(tunnel.heads) == 1


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        (
            b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
            "the proxy answers 407; see proxy_user and proxy_password",
        ),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "the proxy answers 502"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "the proxy answers nothing that is HTTP"),
        (b"", "the proxy answers nothing that is HTTP"),
    ],
)
async def test_the_check_at_start_tells_why_a_proxy_opens_no_tunnel(says: bytes, reason: str) -> None:
    """Both settings are named, the password is not."""
    async with a_tunnel(says) as tunnel:
        built = catalog("https://provider.invalid/v1", f"http://127.0.0.1:{tunnel.port}", **LOGIN)
        with pytest.raises(SetupError) as wrong:
            await built.check_reachable()
    assert str(wrong.value) == (
        "providers.p.base_url https://provider.invalid/v1 cannot be reached"
        f" through providers.p.proxy 127.0.0.1:{tunnel.port}: {reason}"
    )


async def test_the_check_at_start_finds_no_proxy(unused_tcp_port: int) -> None:
    """As with a provider that is away."""
    built = catalog("http://127.0.0.1/v1", f"http://127.0.0.1:{unused_tcp_port}")
    with pytest.raises(SetupError, match=rf"through providers\.p\.proxy 127\.0\.0\.1:{unused_tcp_port}: "):
        await built.check_reachable()


async def test_a_tunnel_to_an_address_of_ipv6() -> None:
    """It stands in brackets: the port is behind its last colon."""
    async with a_tunnel(b"HTTP/1.1 200 OK\r\n\r\n") as tunnel:
        await catalog("https://[2001:db8::1]/v1", f"http://127.0.0.1:{tunnel.port}").check_reachable()
    assert tunnel.heads[0].startswith(b"CONNECT [2001:db8::1]:443 HTTP/1.1\r\n")
