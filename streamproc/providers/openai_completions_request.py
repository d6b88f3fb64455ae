"""Text completions, on the way out: a call becomes the JSON body of a request.

The fields are those of https://platform.openai.com/docs/api-reference/completions/create.
"""

from typing import Any

import orjson

from streamproc.chain.call import Call
from streamproc.providers.openai_stream_options import stream_options
from streamproc.providers.refusal import check_extra, unsupported
from streamproc.records.request import Request

__all__ = ["ALLOWED_EXTRAS", "check_request", "render_body"]

ALLOWED_EXTRAS = frozenset(
    {
        "frequency_penalty",
        "logit_bias",
        "min_p",
        "presence_penalty",
        "repeat_penalty",
        "top_k",
    }
)
"""Options that shape the answer and change neither its price nor its bound.

Not among them: `best_of` and `n` multiply what is billed, `suffix` adds input that is not counted, `echo` gives the
prompt as if it were the answer, `logprobs` gives what no record holds.
"""

_PASSED_ON = {"temperature", "top_p", "stop", "seed", "user"}


def check_request(request: Request) -> None:
    """Refuses what the API cannot be asked.

    Raises:
        InvalidRequest: names the field, and what to do.
    """
    if request.text is None:
        raise unsupported("messages: text completions go on with a text; ask with text")
    check_extra(request, ALLOWED_EXTRAS)


def render_body(call: Call, *, is_openai: bool) -> bytes:
    """The body of the POST.

    Args:
        call: what to ask; its output limit is always sent.
        is_openai: whether the server is OpenAI's own, which is asked not to pad its chunks; others may not know this.
    """
    request = call.request
    body: dict[str, Any] = request.model_dump(mode="json", include=_PASSED_ON, exclude_none=True)
    body["model"] = call.model
    body["prompt"] = request.text
    body["max_tokens"] = call.max_output_tokens
    body["stream"] = request.stream
    if request.stream:
        body["stream_options"] = stream_options(is_openai=is_openai)
    body |= {name: value for name, value in (request.extra or {}).items() if name in ALLOWED_EXTRAS}
    return orjson.dumps(body)
