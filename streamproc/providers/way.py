"""The way to a server, straight or through an HTTP proxy: opened and closed again, without a request."""

import asyncio
import base64
import re
from typing import NamedTuple

__all__ = ["ProxyAddress", "open_way"]

_STATUS = re.compile(rb"HTTP/\S+ (\d{3})\b")


class ProxyAddress(NamedTuple):
    """An HTTP proxy: where it is, whether it is spoken to over TLS, and our name and password there."""

    host: str
    port: int
    is_tls: bool
    login: tuple[str, str] | None


async def open_way(host: str, port: int, *, is_tls: bool, proxy: ProxyAddress | None) -> None:
    """Connects to the server, or to the proxy, which is asked for a tunnel as for a request over TLS.

    A server without TLS gets its requests from the proxy itself, and a proxy behind TLS has authorities of its own:
    of these two it is known only that the proxy takes connections.

    Raises:
        OSError: nobody takes the connection, or the proxy opens no tunnel.
        UnicodeError: the name is none.
    """
    reader, writer = await asyncio.open_connection(*((host, port) if proxy is None else proxy[:2]))
    try:
        if proxy is not None and is_tls and not proxy.is_tls:
            writer.write(_asks_for_tunnel(host, port, proxy.login))
            status = _STATUS.match(await _first_line(reader))
            if status is None:
                raise OSError("the proxy answers nothing that is HTTP")
            if not status[1].startswith(b"2"):
                hint = "; see proxy_user and proxy_password" if status[1] == b"407" else ""
                raise OSError(f"the proxy answers {status[1].decode()}{hint}")
    finally:
        writer.transport.abort()


def _asks_for_tunnel(host: str, port: int, login: tuple[str, str] | None) -> bytes:
    """RFC 9110, section 9.3.6."""
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    proof = "" if login is None else "proxy-authorization: Basic " + base64.b64encode(":".join(login).encode()).decode()
    return "\r\n".join([f"CONNECT {place} HTTP/1.1", f"host: {place}", *filter(None, [proof]), "", ""]).encode()


async def _first_line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return b""
