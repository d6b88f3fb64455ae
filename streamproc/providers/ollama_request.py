"""Ollama's own API, on the way out: a call becomes the JSON body of a request.

The fields are those of https://docs.ollama.com/api. A prompt that is longer than the context is never cut in silence:
the size of the context is always sent, and both ways to make a conversation fit are turned off.
"""

from typing import Any

import orjson

from streamproc.chain.call import Call
from streamproc.providers.ollama_conversation import conversation
from streamproc.providers.refusal import check_extra, unsupported
from streamproc.records.request import Request, ResponseFormat, Tool

__all__ = ["ALLOWED_EXTRAS", "check_request", "render_body"]

_OPTIONS = frozenset(
    {
        "frequency_penalty",
        "min_p",
        "presence_penalty",
        "repeat_last_n",
        "repeat_penalty",
        "top_k",
        "typical_p",
    }
)

ALLOWED_EXTRAS = _OPTIONS | {"think"}
"""Options a request may pass to the server: they shape the answer. Reasoning counts towards the output limit.

Not among them: `keep_alive` and what loads the model anew (`num_gpu`, `num_batch`, …) change the server for everybody.
"""


def check_request(request: Request) -> None:
    """Refuses what the API cannot be asked.

    Raises:
        InvalidRequest: names the field, and what to do.
    """
    _fields(request)


def render_body(call: Call, *, context_tokens: int) -> bytes:
    """The body of the POST.

    Args:
        call: what to ask; its output limit is always sent.
        context_tokens: size of the model's context, prompt and answer together.
    """
    request = call.request
    extra = request.extra or {}
    options = {
        "num_ctx": context_tokens,
        "num_predict": call.max_output_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "seed": request.seed,
        "stop": request.stop,
        **{name: value for name, value in extra.items() if name in _OPTIONS},
    }
    return orjson.dumps(
        {
            "model": call.model,
            "stream": request.stream,
            "truncate": False,
            "shift": False,
            "options": {name: value for name, value in options.items() if value is not None},
            **_fields(request),
        }
    )


def _fields(request: Request) -> dict[str, Any]:
    """What stands beside the options."""
    check_extra(request, ALLOWED_EXTRAS)
    if request.service_tier in ("flex", "priority"):
        raise unsupported("service_tier: Ollama has none; leave it out")
    fields = {
        **_prompt(request),
        "format": _format(request.response_format),
        "tools": _tools(request),
        "think": (request.extra or {}).get("think"),
    }
    return {name: value for name, value in fields.items() if value is not None}


def _prompt(request: Request) -> dict[str, Any]:
    if request.messages:
        return {"messages": conversation(request.messages)}
    if request.text is None:
        raise unsupported("input: Ollama's chat answers conversations and texts only")
    if not request.text:
        raise unsupported("text: is empty, which asks Ollama for nothing but to load the model")
    return {"prompt": request.text}


def _format(asked: ResponseFormat | None) -> Any:
    if asked is None or asked.type == "text":
        return None
    schema = None if asked.json_schema is None else asked.json_schema.schema_
    return "json" if schema is None else schema


def _tools(request: Request) -> list[dict[str, Any]] | None:
    if request.tool_choice not in (None, "auto", "none"):
        raise unsupported("tool_choice: Ollama's model decides for itself; leave it out, or say auto or none")
    if not request.tools or request.tool_choice == "none":
        return None
    return [_tool(tool) for tool in request.tools]


def _tool(tool: Tool) -> dict[str, Any]:
    if tool.function.strict:
        raise unsupported("tools: Ollama does not hold a model to the schema of a tool; leave out strict")
    function = tool.function.model_dump(include={"name", "description"}, exclude_none=True)
    function["parameters"] = tool.function.parameters or {"type": "object", "properties": {}}
    return {"type": "function", "function": function}
