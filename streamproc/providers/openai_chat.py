"""OpenAI's Chat Completions, spoken by OpenAI and by most servers that say they are compatible."""

from collections.abc import Mapping

from streamproc.chain.call import Call
from streamproc.providers.openai_chat_answer import chat_answer
from streamproc.providers.openai_chat_request import OutputLimitField, check_request, render_body
from streamproc.providers.openai_choices import ChoicesAnswer
from streamproc.providers.origin import Origin
from streamproc.providers.sse import SseDecoder
from streamproc.records.request import Request

__all__ = ["OpenAIChat"]


class OpenAIChat:
    """The dialect. An answer is complete with `[DONE]` and a finish reason, which is given as it is."""

    media_type = "text/event-stream"

    def __init__(
        self, *, output_limit_field: OutputLimitField = "max_completion_tokens", is_openai: bool = False
    ) -> None:
        """Args as those of `render_body`."""
        self._output_limit_field: OutputLimitField = output_limit_field
        self._is_openai = is_openai

    def headers(self, key: str | None) -> Mapping[str, str]:
        """The key, by the usual scheme."""
        return {} if key is None else {"authorization": f"Bearer {key}"}

    def path(self, call: Call) -> str:  # noqa: ARG002 other dialects look at it
        """The same for all calls."""
        return "/chat/completions"

    def check(self, request: Request) -> None:
        """Refuses what this API cannot be asked, and options whose cost is not known."""
        check_request(request)

    def render(self, call: Call) -> bytes:
        """The JSON body of the POST."""
        return render_body(call, output_limit_field=self._output_limit_field, is_openai=self._is_openai)

    def decoder(self, max_bytes: int) -> SseDecoder:
        """Server-sent events."""
        return SseDecoder(max_bytes)

    def answer(self, origin: Origin) -> ChoicesAnswer:
        """Of which nothing has come yet."""
        return chat_answer(origin)

    def request_id(self, headers: Mapping[str, str]) -> str | None:
        """The provider's own id of a response (https://platform.openai.com/docs/api-reference/debugging-requests)."""
        return headers.get("x-request-id")
