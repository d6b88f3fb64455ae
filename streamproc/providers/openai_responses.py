"""OpenAI's Responses: a conversation as a list of items. Spoken by OpenAI, Azure, vLLM and others."""

from streamproc.chain.call import Call
from streamproc.providers.openai_dialect import OpenAIDialect
from streamproc.providers.openai_responses_answer import ResponsesAnswer
from streamproc.providers.openai_responses_request import check_request, render_body
from streamproc.providers.origin import Origin
from streamproc.records.request import Request

__all__ = ["OpenAIResponses"]


class OpenAIResponses(OpenAIDialect):
    """The dialect.

    An answer is complete with `response.completed`, or with `response.incomplete` and its reason. The finish reasons
    are those of Chat Completions, by `FINISH_REASONS`; a complete response has `stop`, or `tool_calls` if it calls
    functions.
    """

    endpoint = "/responses"

    def check(self, request: Request) -> None:
        """Refuses what this API cannot be asked, and options whose cost is not known."""
        check_request(request)

    def render(self, call: Call) -> bytes:
        """The JSON body of the POST."""
        return render_body(call, is_openai=self._is_openai)

    def answer(self, origin: Origin) -> ResponsesAnswer:
        """Of which nothing has come yet."""
        return ResponsesAnswer(origin)
