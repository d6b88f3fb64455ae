"""A proxy before a broker that understands Kafka's frames, so that a test can do something at a named step.

    async with Proxy(bootstrap) as proxy:
        ...                                            # a worker's bootstrap_servers is proxy.bootstrap
        step = proxy.hold("EndTxn", "request")
        await step.reached()                           # the request is here, and not yet with the broker
        worker.kill()
        step.cut()                                     # and never will be

It stands in every address that a broker tells (Metadata, FindCoordinator), so clients stay behind it. Each worker whose
steps matter gets a proxy of its own, by which it is known.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from struct import Struct
from typing import Any, NamedTuple, Self

from streamproc.embedded.apis.served import SERVED
from streamproc.embedded.wire import decoded, request_of
from tests.chaos.step import Hold, Side, Step

__all__ = ["Proxy"]

_LENGTH = Struct(">i")
_REWRITTEN = {"Metadata", "FindCoordinator"}


class _Asked(NamedTuple):
    """A request that is not answered yet; the struct is aiokafka's, None for an API that this proxy does not know."""

    correlation: int
    api: str
    struct: Any
    request: Any


class Proxy:
    """Use as a context, in the event loop of the test.

    Attributes:
        bootstrap: addresses for the clients that are to go through it.
    """

    def __init__(self, bootstrap: str) -> None:
        self._upstream = bootstrap.split(",")
        self._servers: dict[str, tuple[asyncio.Server, int]] = {}
        self._links: set[asyncio.Task[None]] = set()
        self._holds: list[Hold] = []
        self.bootstrap = ""

    async def __aenter__(self) -> Self:
        own = [await self._address_for(address) for address in self._upstream]
        self.bootstrap = ",".join(f"{host}:{port}" for host, port in own)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.go_down()

    def hold(self, api: str, side: Side, *, topic: str | None = None, meant: Callable[[Any], bool] = bool) -> Hold:
        """The next such step waits until it is told how to go on; later ones pass.

        Args:
            api: as Kafka's documentation calls it: `Produce`, `EndTxn`.
            side: `request`: before the broker gets it; `answer`: after the broker did it, before the client knows.
            topic: only when the request names this topic.
            meant: only when this holds for the request, which is one of aiokafka's structs; by default for each that can be
                read.
        """
        hold = Hold(api, side, topic, meant)
        self._holds.append(hold)
        return hold

    async def go_down(self) -> None:
        """Hangs up on everybody and listens no more: to its clients the whole cluster is away."""
        for hold in self._holds:
            hold.cut()
        servers = [server for server, _ in self._servers.values()]
        for server in servers:
            server.close()
        for link in list(self._links):
            link.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)
        for server in servers:
            await server.wait_closed()

    async def come_back(self) -> None:
        """Listens again, at the same addresses."""
        for address, (_, port) in list(self._servers.items()):
            await self._listen(address, port)

    async def _address_for(self, address: str) -> tuple[str, int]:
        if address not in self._servers:
            await self._listen(address, 0)
        return "127.0.0.1", self._servers[address][1]

    async def _listen(self, address: str, port: int) -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            link = asyncio.current_task()
            assert link is not None
            self._links.add(link)
            try:
                await self._link(address, reader, writer)
            except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                pass  # one of both ends is gone, or the proxy goes down
            finally:
                self._links.discard(link)
                writer.transport.abort()

        server = await asyncio.start_server(serve, "127.0.0.1", port)
        self._servers[address] = (server, server.sockets[0].getsockname()[1])

    async def _link(self, address: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = address.rsplit(":", 1)
        broker_reader, broker_writer = await asyncio.open_connection(host, int(port))
        asked: deque[_Asked] = deque()
        ways = {
            asyncio.create_task(self._pass_requests(reader, broker_writer, asked)),
            asyncio.create_task(self._pass_answers(broker_reader, writer, asked)),
        }
        try:
            done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in done:
                way.result()
        finally:
            broker_writer.transport.abort()  # before anything is awaited: the link may be cancelled while it ends
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _pass_requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: deque[_Asked]
    ) -> None:
        while True:
            frame = await _read_frame(reader)
            head = request_of(frame)
            served = SERVED.get((head.api_key, head.api_version))
            if served is None:
                entry = _Asked(head.correlation, f"API {head.api_key} version {head.api_version}", None, None)
            else:
                request = decoded(served.request, head.body)
                entry = _Asked(head.correlation, served.api.NAME, served.request, request)
            if not await self._meet(Step(entry.api, "request", entry.request)):
                return
            asked.append(entry)
            writer.write(_LENGTH.pack(len(frame)) + frame)
            await writer.drain()

    async def _pass_answers(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: deque[_Asked]
    ) -> None:
        while True:
            frame = await _read_frame(reader)
            (correlation,) = _LENGTH.unpack_from(frame)
            entry = asked.popleft()
            while entry.correlation != correlation:  # one that wants no answer
                entry = asked.popleft()
            if not await self._meet(Step(entry.api, "answer", entry.request)):
                return
            if entry.api in _REWRITTEN:
                answer = entry.struct.RESPONSE_TYPE.decode(frame[_LENGTH.size :])
                frame = frame[: _LENGTH.size] + (await self._rewritten(answer)).encode()
            writer.write(_LENGTH.pack(len(frame)) + frame)
            await writer.drain()

    async def _rewritten(self, answer: Any) -> Any:
        fields = {name: getattr(answer, name) for name in answer.SCHEMA.names}
        if "brokers" in fields:
            fields["brokers"] = [
                (node, *await self._address_for(f"{host}:{port}"), *rest)
                for node, host, port, *rest in fields["brokers"]
            ]
        elif fields["host"]:  # none when there is no coordinator
            fields["host"], fields["port"] = await self._address_for(f"{fields['host']}:{fields['port']}")
        return type(answer)(*fields.values())

    async def _meet(self, step: Step) -> bool:
        """Whether the step may pass."""
        for hold in self._holds:
            if hold.is_meant(step):
                return await hold.meet()
        return True


async def _read_frame(reader: asyncio.StreamReader) -> bytes:
    (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    return await reader.readexactly(length)
