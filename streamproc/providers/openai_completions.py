"""OpenAI's text completions: a model that goes on with a text. Spoken by OpenAI, vLLM, llama.cpp and others."""

from collections.abc import Mapping

from streamproc.chain.call import Call
from streamproc.providers.openai_choices import ChoicesAnswer
from streamproc.providers.openai_completions_answer import completions_answer
from streamproc.providers.openai_completions_request import check_request, render_body
from streamproc.providers.origin import Origin
from streamproc.providers.sse import SseDecoder
from streamproc.records.request import Request

__all__ = ["OpenAICompletions"]


class OpenAICompletions:
    """The dialect. An answer is complete with `[DONE]` and a finish reason, which is given as it is."""

    media_type = "text/event-stream"

    def __init__(self, *, is_openai: bool = False) -> None:
        """Args as those of `render_body`."""
        self._is_openai = is_openai

    def headers(self, key: str | None) -> Mapping[str, str]:
        """The key, by the usual scheme."""
        return {} if key is None else {"authorization": f"Bearer {key}"}

    def path(self, call: Call) -> str:  # noqa: ARG002 other dialects look at it
        """The same for all calls."""
        return "/completions"

    def check(self, request: Request) -> None:
        """Refuses what this API cannot be asked, and options whose cost is not known."""
        check_request(request)

    def render(self, call: Call) -> bytes:
        """The JSON body of the POST."""
        return render_body(call, is_openai=self._is_openai)

    def decoder(self, max_bytes: int) -> SseDecoder:
        """Server-sent events."""
        return SseDecoder(max_bytes)

    def answer(self, origin: Origin) -> ChoicesAnswer:
        """Of which nothing has come yet."""
        return completions_answer(origin)

    def request_id(self, headers: Mapping[str, str]) -> str | None:
        """The provider's own id of a response (https://platform.openai.com/docs/api-reference/debugging-requests)."""
        return headers.get("x-request-id")
