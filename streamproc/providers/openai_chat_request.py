"""Chat Completions, on the way out: a call becomes the JSON body of a request.

Requests have this API's own form, so nearly everything is passed on as it is. Marks for the prompt cache are left out:
they ask for nothing, and OpenAI's own servers keep prompts by themselves.
"""

from typing import Any, Literal

import orjson

from streamproc.chain.call import Call
from streamproc.providers.openai_stream_options import stream_options
from streamproc.providers.refusal import check_extra, unsupported
from streamproc.records.request import Request
from streamproc.records.shapes import Strict

__all__ = ["ALLOWED_EXTRAS", "OutputLimitField", "check_request", "render_body"]

OutputLimitField = Literal["max_completion_tokens", "max_tokens"]

ALLOWED_EXTRAS = frozenset(
    {
        "frequency_penalty",
        "logit_bias",
        "min_p",
        "parallel_tool_calls",
        "presence_penalty",
        "reasoning_effort",
        "repeat_penalty",
        "top_k",
        "verbosity",
    }
)
"""Options a request may pass to the provider: they shape the answer and change neither its price nor its bound."""

_PASSED_ON = (
    "messages",
    "temperature",
    "top_p",
    "stop",
    "seed",
    "response_format",
    "tools",
    "tool_choice",
    "service_tier",
    "user",
)


def check_request(request: Request) -> None:
    """Refuses what the API cannot be asked.

    Raises:
        InvalidRequest: names the field, and what to do.
    """
    if not request.messages:
        raise unsupported("messages: Chat Completions answers conversations only")
    if any(message.reasoning for message in request.messages):
        raise unsupported("messages: Chat Completions takes no reasoning back; leave it out")
    check_extra(request, ALLOWED_EXTRAS)


def render_body(call: Call, *, output_limit_field: OutputLimitField, is_openai: bool) -> bytes:
    """The body of the POST.

    Args:
        call: what to ask.
        output_limit_field: what this server calls the output limit, which is always sent.
        is_openai: whether the server is OpenAI's own, which is asked not to pad its chunks and, unless the request
            wants another, for the default service tier: without it the account's own setting, perhaps a dearer tier,
            would hold. Other servers may not know these options.
    """
    request = call.request
    body: dict[str, Any] = {name: value for name in _PASSED_ON if (value := getattr(request, name)) is not None}
    body["model"] = call.model
    body[output_limit_field] = call.max_output_tokens
    body["stream"] = request.stream
    if is_openai:
        body.setdefault("service_tier", "default")
    if request.stream:
        body["stream_options"] = stream_options(is_openai=is_openai)
    body |= {name: value for name, value in (request.extra or {}).items() if name in ALLOWED_EXTRAS}
    return orjson.dumps(body, default=_sent)


def _sent(part: Strict) -> dict[str, Any]:
    # `reasoning` is an empty list by now.
    return {name: value for name, value in part.stated().items() if name not in ("cache_control", "reasoning")}
