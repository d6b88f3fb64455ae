"""OpenAI's text completions: a model that goes on with a text. Spoken by OpenAI, vLLM, llama.cpp and others."""

from streamproc.chain.call import Call
from streamproc.providers.openai_choices import ChoicesAnswer
from streamproc.providers.openai_completions_answer import completions_answer
from streamproc.providers.openai_completions_request import check_request, render_body
from streamproc.providers.openai_dialect import OpenAIDialect
from streamproc.providers.origin import Origin
from streamproc.records.request import Request

__all__ = ["OpenAICompletions"]


class OpenAICompletions(OpenAIDialect):
    """The dialect. An answer is complete with `[DONE]` and a finish reason, which is given as it is."""

    endpoint = "/completions"

    def check(self, request: Request) -> None:
        """Refuses what this API cannot be asked, and options whose cost is not known."""
        check_request(request)

    def render(self, call: Call) -> bytes:
        """The JSON body of the POST."""
        return render_body(call, is_openai=self._is_openai)

    def answer(self, origin: Origin) -> ChoicesAnswer:
        """Of which nothing has come yet."""
        return completions_answer(origin)
