"""One client's connection: reads requests, has each one answered before the next, and ends with the client."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, cast

from aiokafka.protocol.admin import ApiVersionRequest_v0

from streamproc.embedded.apis import api_versions
from streamproc.embedded.apis.served import SERVED
from streamproc.embedded.cluster import Client, Cluster
from streamproc.embedded.faults import Fault
from streamproc.embedded.wire import BadRequest, Frames, Request, decoded, framed, request_of

__all__ = ["Connection"]

_MAX_WAITING_BYTES = 4 * 1024 * 1024
"""Requests a client may send ahead while one is answered; then it is read no further."""

_log = logging.getLogger("streamproc.embedded")


class Connection(asyncio.Protocol):
    """Serves one client.

    A request is answered before the next one is looked at, as Kafka does, also while it waits for records. When the
    client hangs up, an answer that waits is cancelled.
    """

    def __init__(self, cluster: Cluster, opened: Callable[["Connection"], None]) -> None:
        """`opened` is called once, as soon as `serving` is there."""
        self._cluster = cluster
        self._opened = opened
        self._frames = Frames()
        self._arrived = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._is_answering = False
        self._host = ""
        self._transport: asyncio.Transport
        self.serving: asyncio.Task[None]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins to serve."""
        # A TCP server's transports are of this kind; uvloop's are no instances of it.
        self._transport = cast("asyncio.Transport", transport)
        # There is no name of a peer that hung up at once.
        self._host = (transport.get_extra_info("peername") or ("",))[0]
        self.serving = asyncio.get_running_loop().create_task(self._serve())
        self._opened(self)

    def data_received(self, data: bytes) -> None:
        """Keeps bytes until their request's turn."""
        self._frames.feed(data)
        self._arrived.set()
        if self._is_answering and self._frames.size > _MAX_WAITING_BYTES:
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        """The client takes answers slower than they come."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """The client has taken enough of them."""
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone, or we closed."""
        del exc
        self._frames.drop()  # not only when the collector finds this circle of objects: a frame may be large
        self.serving.cancel()

    def abort(self) -> None:
        """Closes at once; answers on their way are lost."""
        self._transport.abort()

    async def _serve(self) -> None:
        try:
            while await self._answer(await self._next()):
                pass
        except BadRequest as error:
            _log.warning("connection of %s closed: %s", self._host, error)
        except Exception:  # noqa: BLE001 a defect may cost one connection, never the broker
            _log.exception("connection of %s closed by a defect of the broker", self._host)
        finally:
            self._transport.close()

    async def _next(self) -> Request:
        self._is_answering = False
        self._transport.resume_reading()
        while (frame := self._frames.take()) is None:
            self._arrived.clear()
            await self._arrived.wait()
        self._is_answering = True
        return request_of(frame)

    async def _answer(self, request: Request) -> bool:
        """Whether the connection goes on afterwards."""
        served = SERVED.get((request.api_key, request.api_version))
        if served is None:
            if request.api_key != ApiVersionRequest_v0.API_KEY:
                raise BadRequest(f"API {request.api_key} version {request.api_version} is not served")
            await self._write(request, ApiVersionRequest_v0, api_versions.refusal(self._cluster))
            return True
        fault = self._cluster.faults.of_request(served.api.NAME)
        if not await _passes(fault):
            return False
        client = Client(request.client_id, self._host)
        fields = await served.api.answer(self._cluster, client, decoded(served.request, request.body))
        if fault and fault.drop == "after":
            return False
        if fields is not None:
            await self._write(request, served.request, fields)
        return True

    async def _write(self, request: Request, struct_type: Any, fields: tuple[Any, ...]) -> None:
        self._transport.write(framed(request.correlation, struct_type.RESPONSE_TYPE(*fields).encode()))
        await self._writable.wait()


async def _passes(fault: Fault | None) -> bool:
    """Has a request meet its fault; False when nothing is to be done for it."""
    if fault and fault.delay_seconds:
        await asyncio.sleep(fault.delay_seconds)
    return not (fault and fault.drop == "before")
