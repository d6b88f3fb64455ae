"""OpenAI's Chat Completions, spoken by OpenAI and by most servers that say they are compatible."""

from collections.abc import AsyncGenerator, Callable

import orjson

from streamproc.chain.call import Call
from streamproc.chain.provider import Event
from streamproc.errors import ProviderError
from streamproc.providers.openai_answer import Answer
from streamproc.providers.openai_errors import error_in_body, error_in_stream
from streamproc.providers.openai_request import OutputLimitField, render_body
from streamproc.providers.retry_after import retry_after_seconds
from streamproc.providers.transport import Transport
from streamproc.providers.transport_exchange import Exchange

__all__ = ["OpenAIChat"]

_PATH = "/chat/completions"
_OPENAI_HOST = "api.openai.com"
_MAX_ERROR_BYTES = 2**16
_TAIL_SECONDS = 0.1  # how long the end of the body may lag behind [DONE]; then the connection is not used again


class OpenAIChat:
    """A provider that answers by Chat Completions, streamed or not.

    An answer is complete with `[DONE]` and a finish reason. Errors before it have the class that status and error
    object ask for; those with an HTTP error status are not billed, those inside a 200 stream may be.
    """

    def __init__(
        self,
        name: str,
        transport: Transport,
        *,
        now: Callable[[], float],
        output_limit_field: OutputLimitField = "max_completion_tokens",
        max_event_bytes: int = 2**20,
        max_body_bytes: int = 2**25,
    ) -> None:
        """Makes no call.

        Args:
            name: in the settings.
            transport: to the server; it stays the caller's to close.
            now: unix time in seconds, for `retry-after` dates.
            output_limit_field: what this server calls the output limit.
            max_event_bytes: a longer event of a stream is malformed.
            max_body_bytes: a longer body of an answer that is not streamed is malformed.
        """
        self._name = name
        self._transport = transport
        self._now = now
        self._output_limit_field: OutputLimitField = output_limit_field
        self._omit_obfuscation = transport.host == _OPENAI_HOST
        self._max_event_bytes = max_event_bytes
        self._max_body_bytes = max_body_bytes

    @property
    def name(self) -> str:
        """Name in the settings."""
        return self._name

    async def stream(self, call: Call) -> AsyncGenerator[Event, None]:
        """Makes the call and gives its events as they arrive."""
        is_streamed = call.request.stream
        body = render_body(call, output_limit_field=self._output_limit_field, omit_obfuscation=self._omit_obfuscation)
        async with self._transport.post(_PATH, body, stream=is_streamed, call_id=call.usage_id) as exchange:
            if exchange.status_code != 200:  # noqa: PLR2004 HTTP's own number
                raise await self._refusal(exchange)
            answer = Answer(
                provider=self._name,
                request_id=exchange.headers.get("x-request-id"),
                max_event_bytes=self._max_event_bytes,
                redact=self._transport.redact,
            )
            content_type = exchange.headers.get("content-type", "").lower()
            if not is_streamed:
                for event in await self._whole(exchange, answer, content_type):
                    yield event
                return
            # A server that names no type gets the benefit of the doubt; its bytes will tell.
            if content_type and not content_type.startswith("text/event-stream"):
                raise await self._no_stream(exchange, answer, content_type)
            while not answer.is_done and (chunk := await exchange.next_chunk()):
                payloads = answer.payloads(chunk)
                if payloads:
                    exchange.progress()
                for payload in payloads:
                    for event in answer.read_chunk(payload):
                        yield event
            yield answer.completed()
            await exchange.finish(_TAIL_SECONDS)

    async def _whole(self, exchange: Exchange, answer: Answer, content_type: str) -> list[Event]:
        body = await exchange.read(self._max_body_bytes)
        if not body.strip():
            raise answer.malformed("an empty answer")
        if content_type and "json" not in content_type:
            raise answer.malformed(f"{content_type[:80]!r} instead of JSON")
        return answer.read_completion(body)

    async def _refusal(self, exchange: Exchange) -> ProviderError:
        try:
            body = await exchange.read(_MAX_ERROR_BYTES)
        except ProviderError:
            body = b""  # the status is here, and tells most of it
        return error_in_body(
            body,
            provider=self._name,
            status=exchange.status_code or 0,
            request_id=exchange.headers.get("x-request-id"),
            retry_after_seconds=retry_after_seconds(exchange.headers, self._now()),
            redact=self._transport.redact,
        )

    async def _no_stream(self, exchange: Exchange, answer: Answer, content_type: str) -> ProviderError:
        """A 200 that is no stream: some servers put an error object there, others a page."""
        body = await exchange.read(_MAX_ERROR_BYTES)
        try:
            parsed = orjson.loads(body)
        except orjson.JSONDecodeError:
            parsed = None
        if isinstance(parsed, dict) and (error := parsed.get("error")):
            return error_in_stream(
                error,
                provider=self._name,
                request_id=exchange.headers.get("x-request-id"),
                redact=self._transport.redact,
            )
        return answer.malformed(f"{content_type[:80]!r} instead of an event stream")
