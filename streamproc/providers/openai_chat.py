"""OpenAI's Chat Completions, spoken by OpenAI and by most servers that say they are compatible."""

from streamproc.chain.call import Call
from streamproc.providers.openai_chat_answer import chat_answer
from streamproc.providers.openai_chat_request import OutputLimitField, check_request, render_body
from streamproc.providers.openai_choices import ChoicesAnswer
from streamproc.providers.openai_dialect import OpenAIDialect
from streamproc.providers.origin import Origin
from streamproc.records.request import Request

__all__ = ["OpenAIChat"]


class OpenAIChat(OpenAIDialect):
    """The dialect. An answer is complete with `[DONE]` and a finish reason, which is given as it is."""

    endpoint = "/chat/completions"

    def __init__(
        self, *, output_limit_field: OutputLimitField = "max_completion_tokens", is_openai: bool = False
    ) -> None:
        """Args as those of `render_body`."""
        super().__init__(is_openai=is_openai)
        self._output_limit_field: OutputLimitField = output_limit_field

    def check(self, request: Request) -> None:
        """Refuses what this API cannot be asked, and options whose cost is not known."""
        check_request(request)

    def render(self, call: Call) -> bytes:
        """The JSON body of the POST."""
        return render_body(call, output_limit_field=self._output_limit_field, is_openai=self._is_openai)

    def answer(self, origin: Origin) -> ChoicesAnswer:
        """Of which nothing has come yet."""
        return chat_answer(origin)
