"""Anthropic's Messages, spoken by Anthropic and by servers that say they are compatible."""

from collections.abc import Mapping

from streamproc.chain.call import Call
from streamproc.providers.anthropic_answer import MessageAnswer
from streamproc.providers.anthropic_request import check_request, render_body
from streamproc.providers.origin import Origin
from streamproc.providers.sse import SseDecoder
from streamproc.records.request import Request

__all__ = ["Anthropic"]

_VERSION = "2023-06-01"


class Anthropic:
    """The dialect. An answer is complete with `message_stop` and a stop reason.

    The base URL is that of the official clients, without a version (`https://api.anthropic.com`).
    """

    media_type = "text/event-stream"

    def headers(self, key: str | None) -> Mapping[str, str]:
        """The key in its own header, and the version of the API that this dialect is written for."""
        version = {"anthropic-version": _VERSION}
        return version if key is None else {"x-api-key": key, **version}

    def path(self, call: Call) -> str:  # noqa: ARG002 other dialects look at it
        """The same for all calls."""
        return "/v1/messages"

    def check(self, request: Request) -> None:
        """Refuses what the API cannot be asked, and options whose cost is not known."""
        check_request(request)

    def render(self, call: Call) -> bytes:
        """The JSON body of the POST."""
        return render_body(call)

    def decoder(self, max_bytes: int) -> SseDecoder:
        """Server-sent events; each says its name again in its data."""
        return SseDecoder(max_bytes)

    def answer(self, origin: Origin) -> MessageAnswer:
        """Of which nothing has come yet."""
        return MessageAnswer(origin)

    def request_id(self, headers: Mapping[str, str]) -> str | None:
        """The provider's own id of a response (https://platform.claude.com/docs/en/api/errors#request-id)."""
        return headers.get("request-id")
