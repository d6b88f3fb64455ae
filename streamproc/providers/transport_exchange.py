"""One HTTP request and its response: deadlines, reading, and the fate of every fault."""

import asyncio
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from streamproc.errors import ConnectFailed, Disconnected, MalformedStream, ProviderError, TimedOut
from streamproc.providers.connections import Faults
from streamproc.providers.content_encoding import Inflate
from streamproc.providers.deadlines import Deadlines
from streamproc.providers.http_response import BrokenResponse
from streamproc.providers.transport_engine import Asked, Engine, NothingSent, Response

__all__ = ["Exchange"]

_FAULTS = (NothingSent, BrokenResponse, OSError)


class Exchange:
    """One request and its response, from entering to leaving `async with`.

    Leaving before the end of the body closes the connection, which tells the provider to stop; after the end the
    connection is used again. Every method raises `ConnectFailed`, `Disconnected`, `TimedOut` or `MalformedStream`.
    """

    def __init__(
        self,
        engine: Engine,
        asked: Asked,
        *,
        provider: str,
        total_seconds: float,
        idle_seconds: float | None,
        faults: Faults,
        redact: Callable[[str], str],
    ) -> None:
        self._engine = engine
        self._asked = asked
        self._provider = provider
        self._total_seconds = total_seconds
        self._idle_seconds = idle_seconds
        self._faults = faults
        self._redact = redact
        self._inflate: Inflate | None = None
        self.status_code: int | None = None
        self.headers: Mapping[str, str] = {}

    async def __aenter__(self) -> Self:
        self._deadlines = Deadlines(total_seconds=self._total_seconds)
        try:
            with self._deadlines:
                self._response: Response = await self._engine.send(self._asked)
        except BaseException as exc:
            self._deadlines.close()
            if isinstance(exc, _FAULTS):
                raise self._fault(exc) from exc
            raise
        self.status_code = self._response.status_code
        self.headers = self._response.headers
        encoding = self.headers.get("content-encoding")
        if encoding is not None and encoding.lower() != "identity":
            try:
                self._inflate = Inflate(encoding)
            except ValueError as exc:
                await self.__aexit__(None, None, None)
                _redact_chain(exc, self._redact)
                raise self._malformed(str(exc)) from exc
        if self._idle_seconds is not None:
            self._deadlines.watch_silence(self._idle_seconds)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._deadlines.close()
        await self._response.aclose()

    def progress(self) -> None:
        """An event came: the idle deadline starts again."""
        self._deadlines.progress()

    async def next_chunk(self) -> bytes:
        """Bytes of the body as they come, its content-encoding undone; empty at its end."""
        inflate = self._inflate
        while True:
            rest = b"" if inflate is None else self._inflated(inflate, b"")
            try:
                with self._deadlines:
                    if rest:
                        # A few bytes may inflate to very many: others have their turn between the pieces.
                        await asyncio.sleep(0)
                        return rest
                    chunk = await self._response.read()
            except _FAULTS as exc:
                raise self._fault(exc) from exc
            if not chunk:
                break
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
        return MalformedStream(
            self._redact(f"{self._provider}: {sentence}"), provider=self._provider, status_code=self.status_code
        )

    def _fault(self, exc: Exception) -> ProviderError:
        fate: type[ProviderError]
        if isinstance(exc, NothingSent):
            fate, silent = ConnectFailed, "no connection"
        elif isinstance(exc, TimeoutError):
            fate, silent = TimedOut, "no response in time"
        else:
            fate, silent = Disconnected, type(exc).__name__
        self._faults.add(fate)
        _redact_chain(exc, self._redact)
        sentence = self._redact(f"{self._provider}: {str(exc) or silent}")
        return fate(sentence, provider=self._provider, status_code=self.status_code)


def _redact_chain(exc: BaseException, redact: Callable[[str], str]) -> None:
    """Takes our credentials out of an error and of all that it came from: a traceback may be written somewhere."""
    link: BaseException | None = exc
    while link is not None:
        link.args = tuple(redact(arg) if isinstance(arg, str) else arg for arg in link.args)
        link = link.__cause__ or link.__context__
