"""One HTTP request and its response: deadlines, reading, and the fate of every fault."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from types import TracebackType
from typing import Self

import httpx

from streamproc.errors import ConnectFailed, Disconnected, MalformedStream, ProviderError, TimedOut
from streamproc.providers.content_encoding import Inflate
from streamproc.providers.deadlines import Deadlines

__all__ = ["Exchange"]

_NOTHING_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


class Exchange:
    """One request and its response, from entering to leaving `async with`.

    Leaving before the end of the body closes the connection, which tells the provider to stop; after the end the
    connection is used again. Every method raises `ConnectFailed`, `Disconnected`, `TimedOut` or `MalformedStream`.
    """

    def __init__(
        self,
        engine: httpx.AsyncBaseTransport,
        request: httpx.Request,
        *,
        provider: str,
        total_seconds: float,
        idle_seconds: float | None,
    ) -> None:
        self._engine = engine
        self._request = request
        self._provider = provider
        self._total_seconds = total_seconds
        self._idle_seconds = idle_seconds
        self._inflate: Inflate | None = None
        self.status_code: int | None = None
        self.headers: Mapping[str, str] = {}

    async def __aenter__(self) -> Self:
        self._deadlines = Deadlines(total_seconds=self._total_seconds)
        try:
            with self._deadlines:
                response = await self._engine.handle_async_request(self._request)
        except BaseException as exc:
            self._deadlines.close()
            if isinstance(exc, (httpx.HTTPError, TimeoutError)):
                raise self._fault(exc) from exc
            raise
        assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101 narrows the type for mypy
        self._stream = response.stream
        self._chunks = self._stream.__aiter__()
        self.status_code = response.status_code
        self.headers = response.headers
        try:
            encoding = response.headers.get("content-encoding", "identity")
            if encoding.lower() != "identity":
                self._inflate = Inflate(encoding)
        except ValueError as exc:
            await self.__aexit__(None, None, None)
            raise self._malformed(str(exc)) from exc
        # A deadline per read would count from the last bytes; ours counts from the last event.
        self._request.extensions["timeout"]["read"] = None
        if self._idle_seconds is not None:
            self._deadlines.watch_silence(self._idle_seconds)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._deadlines.close()
        if isinstance(self._chunks, AsyncGenerator):
            await self._chunks.aclose()
        await self._stream.aclose()

    def progress(self) -> None:
        """An event came: the idle deadline starts again."""
        self._deadlines.progress()

    async def next_chunk(self) -> bytes:
        """Bytes of the body as they come, its content-encoding undone; empty at its end."""
        inflate = self._inflate
        while True:
            if inflate is not None and (rest := self._inflated(inflate, b"")):
                return rest
            try:
                with self._deadlines:
                    chunk = await self._chunks.__anext__()
            except StopAsyncIteration:
                break
            except (httpx.HTTPError, TimeoutError) as exc:
                raise self._fault(exc) from exc
            if inflate is not None:
                chunk = self._inflated(inflate, chunk)
            if chunk:
                return chunk
        if inflate is not None and not inflate.is_complete:
            raise self._malformed("the compressed body ends too early")
        return b""

    async def read(self, max_bytes: int) -> bytes:
        """The whole body, or `MalformedStream` when it is longer than this."""
        chunks = []
        size = 0
        while chunk := await self.next_chunk():
            chunks.append(chunk)
            size += len(chunk)
            if size > max_bytes:
                raise self._malformed(f"the body is longer than {max_bytes} bytes")
        return b"".join(chunks)

    async def finish(self, within_seconds: float) -> None:
        """Reads on to the end, so that the connection can be used again; without an end in time it is not."""
        try:
            async with asyncio.timeout(within_seconds):
                while await self.next_chunk():
                    pass
        except (TimeoutError, ProviderError):
            pass

    def _inflated(self, inflate: Inflate, chunk: bytes) -> bytes:
        try:
            return inflate.feed(chunk)
        except ValueError as exc:
            raise self._malformed(str(exc)) from exc

    def _malformed(self, sentence: str) -> MalformedStream:
        return MalformedStream(f"{self._provider}: {sentence}", provider=self._provider, status_code=self.status_code)

    def _fault(self, exc: httpx.HTTPError | TimeoutError) -> ProviderError:
        fate: type[ProviderError]
        if isinstance(exc, _NOTHING_SENT):
            fate = ConnectFailed
        elif isinstance(exc, (TimeoutError, httpx.TimeoutException)):
            fate = TimedOut
        else:
            fate = Disconnected
        sentence = f"{self._provider}: {str(exc) or type(exc).__name__}"
        return fate(sentence, provider=self._provider, status_code=self.status_code)
