"""Chat Completions, on the way out: a call becomes the JSON body of a request."""

from typing import Any, Literal

import orjson

from streamproc.chain.call import Call
from streamproc.errors import InvalidRequest
from streamproc.records.request import Request

__all__ = ["ALLOWED_EXTRAS", "OutputLimitField", "check_extra", "render_body"]

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

_PASSED_ON = {
    "messages",
    "temperature",
    "top_p",
    "stop",
    "seed",
    "response_format",
    "tools",
    "tool_choice",
    "user",
}


def check_extra(request: Request) -> None:
    """Refuses provider options that are not on the allow-list, because what they cost is not known.

    Raises:
        InvalidRequest: names the options that are refused and those that are allowed.
    """
    refused = sorted((request.extra or {}).keys() - ALLOWED_EXTRAS)
    if refused:
        names = ", ".join(repr(name[:40]) for name in refused[:8])
        raise InvalidRequest(
            f"extra: {names} cannot be passed on; allowed are {', '.join(sorted(ALLOWED_EXTRAS))}",
            code="extra_not_allowed",
        )


def render_body(call: Call, *, output_limit_field: OutputLimitField, omit_obfuscation: bool) -> bytes:
    """The body of the POST.

    Args:
        call: what to ask.
        output_limit_field: what this server calls the output limit, which is always sent.
        omit_obfuscation: asks OpenAI not to pad its chunks; other servers may not know this option.
    """
    request = call.request
    body: dict[str, Any] = request.model_dump(mode="json", include=_PASSED_ON, exclude_none=True, by_alias=True)
    body["model"] = call.model
    body[output_limit_field] = call.max_output_tokens
    body["stream"] = request.stream
    if request.stream:
        body["stream_options"] = {"include_usage": True}
        if omit_obfuscation:
            body["stream_options"]["include_obfuscation"] = False
    body |= {name: value for name, value in (request.extra or {}).items() if name in ALLOWED_EXTRAS}
    return orjson.dumps(body)
