"""Ollama's own API: chat for conversations, generate for texts. Both answer in lines of JSON."""

from collections.abc import Callable, Mapping

from streamproc.chain.call import Call
from streamproc.providers.ndjson import NdjsonDecoder
from streamproc.providers.ollama_answer import OllamaAnswer
from streamproc.providers.ollama_request import check_request, render_body
from streamproc.providers.origin import Origin
from streamproc.records.request import Request

__all__ = ["Ollama"]


class Ollama:
    """The dialect. An answer is complete with a line that is `done` and has a `done_reason`.

    The base URL is that of the server, without a path (`http://localhost:11434`).
    """

    media_type = "application/x-ndjson"

    def __init__(self, context_tokens: Callable[[str], int]) -> None:
        """`context_tokens` gives the size of a model's context, by the server's own name of the model.

        It is sent with each call: what the server takes by itself is often far below what the model can, and a server
        loads a model anew for each other size.
        """
        self._context_tokens = context_tokens

    def headers(self, key: str | None) -> Mapping[str, str]:
        """The key, by the usual scheme; a server of one's own asks for none."""
        return {} if key is None else {"authorization": f"Bearer {key}"}

    def path(self, call: Call) -> str:
        """By what the request asks with."""
        return "/api/chat" if call.request.messages else "/api/generate"

    def check(self, request: Request) -> None:
        """Refuses what the API cannot be asked, and options that are not known."""
        check_request(request)

    def render(self, call: Call) -> bytes:
        """The JSON body of the POST."""
        return render_body(call, context_tokens=self._context_tokens(call.model))

    def decoder(self, max_bytes: int) -> NdjsonDecoder:
        """Lines of JSON."""
        return NdjsonDecoder(max_bytes)

    def answer(self, origin: Origin) -> OllamaAnswer:
        """Of which nothing has come yet."""
        return OllamaAnswer(origin)

    def request_id(self, headers: Mapping[str, str]) -> str | None:  # noqa: ARG002 other dialects look at them
        """None: the server names no responses."""
        return None
