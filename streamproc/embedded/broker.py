"""The broker: a TCP server in the running event loop, and all it knows."""

import asyncio
import errno
import time
from typing import Self

from streamproc.embedded.apis.served import SERVED
from streamproc.embedded.cluster import Cluster
from streamproc.embedded.connection import Connection
from streamproc.embedded.faults import Faults
from streamproc.embedded.groups import Groups
from streamproc.embedded.timing import Timers
from streamproc.embedded.topics import Topics
from streamproc.embedded.transactions import Transactions

__all__ = ["Broker", "PortTaken"]


class PortTaken(OSError):
    """Another program listens on the port already."""


class Broker:
    """One node that is a whole cluster. What it holds is gone when it stops.

    Use as `async with Broker() as broker`, or with `start` and `stop`; it serves as long as the event loop runs.

    Attributes:
        faults: what should go wrong; change it from the broker's event loop only.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        max_bytes: int = 2**30,
        retention_bytes: int = -1,
        marker_seconds: float = 0.001,
    ) -> None:
        """Makes a broker that does not listen yet.

        Args:
            host: address to listen on; clients are told to come to the same one.
            port: 0 takes a free one.
            max_bytes: of records in all partitions together. Above it the oldest batches of the largest partitions go.
            retention_bytes: the same for each partition whose topic has no `retention.bytes`; -1 is no limit.
            marker_seconds: time from the end of a transaction to its markers in the partitions.
        """
        self.faults = Faults()
        self._host = host
        self._port = port
        self._timers = Timers()
        self._topics = Topics(time.time, max_bytes=max_bytes, default_retention_bytes=retention_bytes)
        self._groups = Groups(self._timers.call_later)
        self._transactions = Transactions(self._topics, self._groups, self._timers.call_later, marker_seconds)
        self._cluster: Cluster
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()

    def __repr__(self) -> str:
        state = f"{len(self._connections)} connections" if self._server else "stopped"
        return f"<Broker {self._host}:{self._port} {state}>"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def bootstrap(self) -> str:
        """Address for clients; the port is known after `start`."""
        return f"{self._host}:{self._port}"

    async def start(self) -> None:
        """Listens.

        Raises:
            PortTaken: somebody else listens on the port.
            OSError: the host is no address of this machine, or the port may not be used.
        """
        loop = asyncio.get_running_loop()
        try:
            server = await loop.create_server(self._connection, self._host, self._port, start_serving=False)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortTaken(error.errno, f"another program listens on {self.bootstrap} already") from error
            raise
        self._port = server.sockets[0].getsockname()[1]
        self._cluster = Cluster(
            self._host,
            self._port,
            self._topics,
            self._groups,
            self._transactions,
            self.faults,
            time.time,
            _versions(),
        )
        self._server = server
        await server.start_serving()

    async def stop(self) -> None:
        """Closes all connections and plans nothing more; a second call does nothing."""
        if self._server is None:
            return
        server, self._server = self._server, None
        server.close()
        self._timers.cancel()
        for connection in self._connections:
            connection.abort()
        await asyncio.gather(*(connection.serving for connection in self._connections), return_exceptions=True)
        await server.wait_closed()

    def _connection(self) -> Connection:
        return Connection(self._cluster, self._opened)

    def _opened(self, connection: Connection) -> None:
        if self._server is None:  # accepted while the broker stopped
            connection.abort()
        self._connections.add(connection)
        connection.serving.add_done_callback(lambda _: self._connections.discard(connection))


def _versions() -> dict[int, tuple[int, int]]:
    """Lowest and highest version that is served of each API."""
    served: dict[int, list[int]] = {}
    for key, version in SERVED:
        served.setdefault(key, []).append(version)
    return {key: (min(versions), max(versions)) for key, versions in served.items()}
