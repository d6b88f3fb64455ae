"""Responses, on the way out: a call becomes the JSON body of a request.

The fields are those of https://platform.openai.com/docs/api-reference/responses/create. Marks for the prompt cache are
left out: they ask for nothing, and OpenAI's own servers keep prompts by themselves. Nothing is stored at the provider.
"""

from typing import Any

import orjson

from streamproc.chain.call import Call
from streamproc.providers.openai_responses_items import input_items
from streamproc.providers.refusal import check_extra, unsupported
from streamproc.records.request import NamedTool, Request, ResponseFormat, Tool, ToolChoice

__all__ = ["ALLOWED_EXTRAS", "check_request", "render_body"]

ALLOWED_EXTRAS = frozenset(
    {
        "include",
        "parallel_tool_calls",
        "prompt_cache_key",
        "reasoning_effort",
        "reasoning_summary",
        "safety_identifier",
        "verbosity",
    }
)
"""Options that shape the answer and change neither its price nor its bound: reasoning counts towards the output limit.

Not among them: `background`, `conversation`, `previous_response_id` and `prompt` name what stands at the provider, of
unknown size; `truncation` cuts the conversation in silence; `tools` of the provider's own have prices of their own;
`top_logprobs` gives what no record holds; `store` is always false.
"""

_ENCRYPTED_REASONING = "reasoning.encrypted_content"
_PASSED_ON = ("parallel_tool_calls", "prompt_cache_key", "safety_identifier")


def check_request(request: Request) -> None:
    """Refuses what the API cannot be asked.

    Raises:
        InvalidRequest: names the field, and what to do.
    """
    check_extra(request, ALLOWED_EXTRAS)
    _fields(request)


def render_body(call: Call, *, is_openai: bool) -> bytes:
    """The body of the POST.

    Args:
        call: what to ask; its output limit is always sent.
        is_openai: whether the server is OpenAI's own, which is asked not to pad its events and, unless the request
            wants another, for the default service tier: without it the account's own setting, perhaps a dearer tier,
            would hold. Other servers may not know these options.
    """
    body = {
        "model": call.model,
        **_fields(call.request),
        "max_output_tokens": call.max_output_tokens,
        "stream": call.request.stream,
        "store": False,
    }
    if is_openai:
        body.setdefault("service_tier", "default")
    if call.request.stream and is_openai:
        body["stream_options"] = {"include_obfuscation": False}
    return orjson.dumps(body)


def _fields(request: Request) -> dict[str, Any]:
    """What the request itself says."""
    if not request.messages:
        raise unsupported("messages: Responses answers conversations only")
    for name in ("stop", "seed"):
        if getattr(request, name) is not None:
            raise unsupported(f"{name}: Responses has no such option; leave it out")
    extra = request.extra or {}
    if extra.get("include") not in (None, [], [_ENCRYPTED_REASONING]):
        raise unsupported(f'extra: include may be ["{_ENCRYPTED_REASONING}"] only')
    fields = {
        "input": input_items(request.messages),
        "temperature": request.temperature,
        "top_p": request.top_p,
        "text": _some(format=_format(request.response_format), verbosity=extra.get("verbosity")),
        "reasoning": _some(effort=extra.get("reasoning_effort"), summary=extra.get("reasoning_summary")),
        "tools": [_tool(tool) for tool in request.tools] if request.tools else None,
        "tool_choice": _tool_choice(request.tool_choice),
        "service_tier": request.service_tier,
        "user": request.user,
        "include": extra.get("include"),
        **{name: extra.get(name) for name in _PASSED_ON},
    }
    return {name: value for name, value in fields.items() if value is not None}


def _some(**fields: Any) -> dict[str, Any] | None:
    """Those that are set; None when none is."""
    return {name: value for name, value in fields.items() if value is not None} or None


def _format(asked: ResponseFormat | None) -> dict[str, Any] | None:
    if asked is None:
        return None
    if asked.json_schema is None:
        return {"type": asked.type}
    if asked.json_schema.schema_ is None:
        raise unsupported("response_format: Responses wants the schema of a json_schema")
    return {"type": asked.type, **asked.json_schema.model_dump(mode="json", exclude_none=True, by_alias=True)}


def _tool(tool: Tool) -> dict[str, Any]:
    function = tool.function
    return {
        "type": "function",
        "name": function.name,
        **({} if function.description is None else {"description": function.description}),
        "parameters": function.parameters or {"type": "object", "properties": {}},
        "strict": bool(function.strict),  # which Responses takes for true where it is left out
    }


def _tool_choice(choice: ToolChoice | None) -> Any:
    if isinstance(choice, NamedTool):
        return {"type": "function", "name": choice.function.name}
    return choice
