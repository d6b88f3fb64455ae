"""The mock provider: an HTTP server that speaks the APIs of OpenAI, Anthropic and Ollama and bills what it served.

The requests it answers stand in `routes`, the models' names in `behaviour`, the faults in `faults`. In a test:

    async with await serve(MockSettings()) as mock:
        ...  # requests to mock.base_url; then compare with mock.stats.snapshot()
"""

import asyncio
import random
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from streamproc.errors import SetupError
from streamproc.mock.behaviour import MockSettings
from streamproc.mock.connection import Connection
from streamproc.mock.routes import Routes
from streamproc.mock.stats import Stats
from streamproc.mock.ticker import Ticker

__all__ = ["MockServer", "serve"]


class MockServer:
    """A running mock provider. Leaving it as a context closes it.

    Attributes:
        host: address it listens on.
        port: the port, also when a free one was asked for.
        stats: the bill.
    """

    def __init__(
        self, server: asyncio.Server, connections: set[Connection], stats: Stats, *, host: str, port: int
    ) -> None:
        self._server = server
        self._connections = connections
        self.stats = stats
        self.host = host
        self.port = port

    @property
    def base_url(self) -> str:
        """What an OpenAI client takes as its base URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/v1"

    async def close(self) -> None:
        """Stops listening and closes all connections; running answers count as cancelled."""
        self._server.close()
        for connection in tuple(self._connections):
            connection.abort()
        # An abort reaches its connection in the loop's next round; a connection just accepted may come one later.
        while self._connections:  # noqa: ASYNC110 ends within two rounds of the loop
            await asyncio.sleep(0)
        await self._server.wait_closed()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def serve(
    settings: MockSettings, *, host: str = "127.0.0.1", port: int = 0, now: Callable[[], float] = time.time
) -> MockServer:
    """Starts a mock provider on this event loop; port 0 takes a free one.

    Raises:
        SetupError: the address cannot be used, mostly because another process listens there.
    """
    stats = Stats(settings.keep_calls)
    routes = Routes(settings, stats, chance=random.Random(settings.seed).random, now=now)
    connections: set[Connection] = set()
    loop = asyncio.get_running_loop()
    ticker = Ticker(loop)
    try:
        server = await loop.create_server(
            lambda: Connection(routes.respond, ticker, connections), host, port, backlog=4096
        )
    except (OSError, OverflowError) as exc:  # the latter: no port is that large
        reason = exc.strerror if isinstance(exc, OSError) else exc
        raise SetupError(
            f"the mock provider cannot listen on {host}:{port}: {reason}; choose another port or host"
        ) from exc
    return MockServer(server, connections, stats, host=host, port=server.sockets[0].getsockname()[1])
