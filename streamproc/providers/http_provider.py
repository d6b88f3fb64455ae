"""A provider over HTTP: one API's dialect on a transport."""

from collections.abc import AsyncGenerator, Callable

import orjson

from streamproc.chain.call import Call
from streamproc.chain.provider import Embeddings, Event, Told
from streamproc.errors import ProviderError
from streamproc.providers.dialect import Answer, Dialect
from streamproc.providers.error_classes import cut, error_in_body
from streamproc.providers.framing import PayloadTooLarge
from streamproc.providers.origin import Origin
from streamproc.providers.rate_limits import left_of
from streamproc.providers.refusal import unsupported
from streamproc.providers.retry_after import retry_after_seconds, should_retry
from streamproc.providers.transport import Transport
from streamproc.providers.transport_exchange import Exchange
from streamproc.records.request import Request

__all__ = ["HttpProvider"]

_MAX_ERROR_BYTES = 2**16
_TAIL_SECONDS = 0.1  # how long the end of the body may lag behind the end mark; then the connection is not used again


class HttpProvider:
    """A provider that answers over HTTP, streamed or not.

    Errors before an answer is complete have the class that status and error object ask for; those with an HTTP error
    status are not billed, those inside a 200 stream may be.
    """

    def __init__(
        self,
        name: str,
        dialect: Dialect,
        transport: Transport,
        *,
        now: Callable[[], float],
        embeddings: Dialect | None = None,
        max_event_bytes: int = 2**20,
        max_body_bytes: int = 2**25,
    ) -> None:
        """Makes no call.

        Args:
            name: in the settings.
            dialect: of the server.
            transport: to the server; it stays the caller's to close.
            now: unix time in seconds, for `retry-after` dates.
            embeddings: the dialect for requests that ask for them; None where the server makes none.
            max_event_bytes: a longer event of a stream is malformed.
            max_body_bytes: a longer body of an answer that is not streamed is malformed.
        """
        self._name = name
        self._dialect = dialect
        self._embeddings = embeddings
        self._transport = transport
        self._now = now
        self._max_event_bytes = max_event_bytes
        self._max_body_bytes = max_body_bytes

    @property
    def name(self) -> str:
        """Name in the settings."""
        return self._name

    def check(self, request: Request) -> None:
        """Refuses what it cannot be asked, or what has no bound in price.

        Raises:
            InvalidRequest: names what is refused, and what is allowed.
        """
        self._spoken(request).check(request)

    async def stream(self, call: Call) -> AsyncGenerator[Event, None]:
        """Makes the call and gives its events as they arrive."""
        dialect = self._spoken(call.request)
        is_streamed = call.request.stream and call.request.input is None
        async with self._transport.post(
            dialect.path(call),
            dialect.render(call),
            stream_type=dialect.media_type if is_streamed else None,
            call_id=call.usage_id,
        ) as exchange:
            origin = self._origin(dialect, exchange)
            if exchange.status_code != 200:  # noqa: PLR2004 HTTP's own number
                raise await self._refusal(exchange, origin)
            self._obey(exchange, call)
            yield Told(request_id=origin.request_id)
            content_type = exchange.headers.get("content-type", "")
            if not is_streamed:
                texts = None if call.request.input is None else len(call.request.input)
                for event in await self._whole(exchange, dialect.answer(origin), origin, content_type, texts):
                    yield event
                return
            # A server that names no type gets the benefit of the doubt; its bytes will tell.
            if content_type and not content_type.lower().startswith(dialect.media_type):
                raise await _no_stream(exchange, origin, content_type)
            answer, decoder = dialect.answer(origin), dialect.decoder(self._max_event_bytes)
            while not answer.is_done and (chunk := await exchange.next_chunk()):
                try:
                    payloads = decoder.feed(chunk)
                except PayloadTooLarge as exc:
                    raise origin.malformed(f"a stream in which {exc}") from exc
                for payload in payloads:
                    # What says nothing is no progress: a ping may be a payload like any other.
                    if events := answer.read(payload):
                        exchange.progress()
                    for event in events:
                        yield event
            yield answer.completed()
            await exchange.finish(_TAIL_SECONDS)

    def _spoken(self, request: Request) -> Dialect:
        dialect = self._dialect if request.input is None else self._embeddings
        if dialect is None:
            raise unsupported(f"input: provider {self._name!r} makes no embeddings")
        return dialect

    def _origin(self, dialect: Dialect, exchange: Exchange) -> Origin:
        request_id, redact = dialect.request_id(exchange.headers), self._transport.redact
        return Origin(self._name, cut(redact(request_id)) if request_id else None, redact)

    def _obey(self, exchange: Exchange, call: Call) -> None:
        # An answer says what is left of the provider's limits, and whether it was the last one for now.
        if (permit := call.progress.permit) is not None:
            permit.told(left_of(exchange.headers, self._now()))

    async def _whole(
        self, exchange: Exchange, answer: Answer, origin: Origin, content_type: str, texts: int | None
    ) -> list[Event]:
        body = await exchange.read(self._max_body_bytes)
        if not body.strip():
            raise origin.malformed("an empty answer")
        if content_type and "json" not in content_type.lower():
            raise origin.malformed(f"{content_type!r} instead of JSON")
        events = answer.read_whole(body)
        if texts is not None and sum(len(event.vectors) for event in events if isinstance(event, Embeddings)) != texts:
            raise origin.malformed(f"embeddings that are not those of {texts} texts")
        return events

    async def _refusal(self, exchange: Exchange, origin: Origin) -> ProviderError:
        try:
            body = await exchange.read(_MAX_ERROR_BYTES)
        except ProviderError:
            body = b""  # the status is here, and tells most of it
        return error_in_body(
            body,
            provider=self._name,
            status=exchange.status_code or 0,
            request_id=origin.request_id,
            retry_after_seconds=retry_after_seconds(exchange.headers, self._now()),
            redact=origin.redact,
            should_retry=should_retry(exchange.headers),
        )


async def _no_stream(exchange: Exchange, origin: Origin, content_type: str) -> ProviderError:
    """A 200 that is no stream: some servers put an error object there, others a page."""
    body = await exchange.read(_MAX_ERROR_BYTES)
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        parsed = None
    if isinstance(parsed, dict) and (error := parsed.get("error")):
        return origin.broke_off(error)
    return origin.malformed(f"{content_type!r} instead of a stream")
