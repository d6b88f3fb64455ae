"""Opens connections to one server: finds its addresses, tries them, and starts TLS."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Coroutine, Sequence

import aiohappyeyeballs
from aiohappyeyeballs import AddrInfoType

from streamproc.providers.http_connection import HttpConnection

__all__ = ["Connect", "Lookup"]

_ADDRESS_SECONDS = 10  # long enough for a wave of calls to share one question, short enough for a server that moves
_NEXT_ADDRESS_SECONDS = 0.25  # RFC 8305, section 8: after this the next address is tried beside the one before

Lookup = Callable[[str, int], Coroutine[None, None, Sequence[AddrInfoType]]]
"""Host and port in, what `getaddrinfo` says of them out; raises OSError."""


class Connect:
    """Called, it opens a connection to the one host and port it is for."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None, lookup: Lookup | None = None) -> None:
        """Asks nobody yet.

        Args:
            host: name or address; with TLS the certificate must be for it.
            port: of TCP.
            tls: None for plain text.
            lookup: whom to ask for the host's addresses; the system by default.
        """
        self._host = host
        self._port = port
        self._tls = tls
        self._lookup: Lookup = lookup or _ask_system
        self._answer: asyncio.Task[Sequence[AddrInfoType]] | None = None
        self._answer_is_old_at = 0.0
        self._turn = 0

    async def __call__(self) -> HttpConnection:
        """Opens a connection.

        Raises:
            OSError: no such host, nobody there, or TLS failed.
        """
        loop = asyncio.get_running_loop()
        addresses = await self._addresses()
        try:
            sock = await aiohappyeyeballs.start_connection(
                addresses, happy_eyeballs_delay=_NEXT_ADDRESS_SECONDS, loop=loop
            )
        except RuntimeError as exc:  # uvloop's word for some addresses that cannot be connected to
            raise OSError(str(exc)) from exc
        try:
            _, connection = await loop.create_connection(
                lambda: HttpConnection(loop),
                sock=sock,
                ssl=self._tls,
                server_hostname=None if self._tls is None else self._host,
            )
        except BaseException:
            sock.close()
            raise
        return connection

    async def _addresses(self) -> Sequence[AddrInfoType]:
        """The host's addresses, each time another one first, so that all of its servers get connections."""
        loop = asyncio.get_running_loop()
        if self._answer is None or loop.time() > self._answer_is_old_at:
            self._answer = loop.create_task(self._lookup(self._host, self._port))
            self._answer_is_old_at = loop.time() + _ADDRESS_SECONDS
        try:
            # Shielded: others may wait for the same answer.
            addresses = await asyncio.shield(self._answer)
        except OSError:
            self._answer = None
            raise
        turn = self._turn % len(addresses)
        self._turn += 1
        return [*addresses[turn:], *addresses[:turn]]


async def _ask_system(host: str, port: int) -> Sequence[AddrInfoType]:
    try:
        return await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as exc:  # a name with a part of more than 63 characters
        raise OSError(f"{host!r} is no host name: {exc}") from exc
