"""What OpenAI's APIs have in common: how a call is signed, how its answer is streamed, and how it is named."""

from collections.abc import Mapping
from typing import ClassVar

from streamproc.chain.call import Call
from streamproc.providers.sse import SseDecoder

__all__ = ["OpenAIDialect"]


class OpenAIDialect:
    """The common part of a dialect; what is asked and what an answer is belongs to each API."""

    media_type = "text/event-stream"
    endpoint: ClassVar[str]
    """Where all calls of the API are posted, behind the base URL."""

    def __init__(self, *, is_openai: bool = False) -> None:
        """`is_openai`: whether the server is OpenAI's own; what it is asked for then is told by `render_body`."""
        self._is_openai = is_openai

    def headers(self, key: str | None) -> Mapping[str, str]:
        """The key, by the usual scheme."""
        return {} if key is None else {"authorization": f"Bearer {key}"}

    def path(self, call: Call) -> str:  # noqa: ARG002 other dialects look at it
        """The same for all calls."""
        return self.endpoint

    def decoder(self, max_bytes: int) -> SseDecoder:
        """Server-sent events; where they have names, these stand in their data, too."""
        return SseDecoder(max_bytes)

    def request_id(self, headers: Mapping[str, str]) -> str | None:
        """The provider's own id of a response (https://platform.openai.com/docs/api-reference/debugging-requests)."""
        return headers.get("x-request-id")
