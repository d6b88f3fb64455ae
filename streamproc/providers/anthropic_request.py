"""Anthropic's Messages, on the way out: a call becomes the JSON body of a request.

The fields are those of https://platform.claude.com/docs/en/api/messages/create. What they cannot say is refused and
not left out: a seed, names of participants, JSON without a schema, service tiers by name.
"""

from typing import Any

import orjson

from streamproc.chain.call import Call
from streamproc.providers.anthropic_conversation import cache_mark, conversation
from streamproc.providers.refusal import check_extra, unsupported
from streamproc.records.request import NamedTool, Request, ResponseFormat, Tool

__all__ = ["ALLOWED_EXTRAS", "check_request", "render_body"]

ALLOWED_EXTRAS = frozenset(
    {
        "parallel_tool_calls",  # false: at most one tool call
        "reasoning_effort",  # their `output_config.effort`
        "thinking",  # counts towards the output limit, so it is bounded
        "top_k",
    }
)
"""Options a request may pass to the provider: they shape the answer and change neither its price nor its bound.

Not among them: server tools, containers and skills are billed by themselves; `inference_geo` and faster speeds change
the price of a token.
"""

_EFFORTS = ("low", "medium", "high", "xhigh", "max")
_LEAST_BUDGET_TOKENS = 1024
_TOOL_CHOICES = {"none": "none", "auto": "auto", "required": "any"}


def check_request(request: Request) -> None:
    """Refuses what the API cannot be asked.

    Raises:
        InvalidRequest: names the field, and what to do.
    """
    _fields(request)


def render_body(call: Call) -> bytes:
    """The body of the POST; the output limit is always sent."""
    request = call.request
    head = {"model": call.model, "max_tokens": call.max_output_tokens, "stream": request.stream}
    return orjson.dumps({**head, **_fields(request)})


def _fields(request: Request) -> dict[str, Any]:
    """All but model, limit and stream."""
    if not request.messages:
        raise unsupported("messages: Anthropic's API answers conversations only, not text and not input")
    if request.seed is not None:
        raise unsupported("seed: Anthropic's API has none; leave it out")
    if request.temperature is not None and request.temperature > 1:
        raise unsupported("temperature: Anthropic's API has 0 to 1")
    check_extra(request, ALLOWED_EXTRAS)
    system, turns = conversation(request.messages)
    extra = request.extra or {}
    fields: dict[str, Any] = {
        "system": system or None,
        "messages": turns,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "top_k": extra.get("top_k"),
        "stop_sequences": request.stop,
        "tools": [_tool(tool) for tool in request.tools or ()] or None,
        "tool_choice": _tool_choice(request, extra.get("parallel_tool_calls")),
        "output_config": _output_config(request.response_format, extra.get("reasoning_effort")),
        "thinking": _thinking(extra["thinking"], request.max_output_tokens) if "thinking" in extra else None,
        "service_tier": _service_tier(request.service_tier),
        "metadata": None if request.user is None else {"user_id": request.user},
    }
    return {name: value for name, value in fields.items() if value is not None}


def _tool(tool: Tool) -> dict[str, Any]:
    function = tool.function
    said: dict[str, Any] = {"name": function.name}
    if function.description is not None:
        said["description"] = function.description
    said["input_schema"] = function.parameters or {"type": "object", "properties": {}}
    if function.strict is not None:
        said["strict"] = function.strict
    return said | cache_mark(tool.cache_control)


def _tool_choice(request: Request, parallel: Any) -> dict[str, Any] | None:
    if parallel is not None and not isinstance(parallel, bool):
        raise unsupported("extra: parallel_tool_calls is true or false")
    asked = request.tool_choice
    if asked is None and (parallel is None or not request.tools):
        return None
    choice: dict[str, Any]
    if isinstance(asked, NamedTool):
        choice = {"type": "tool", "name": asked.function.name}
    else:
        choice = {"type": _TOOL_CHOICES[asked or "auto"]}
    if parallel is not None and choice["type"] != "none":
        choice["disable_parallel_tool_use"] = not parallel
    return choice


def _output_config(asked: ResponseFormat | None, effort: Any) -> dict[str, Any] | None:
    config: dict[str, Any] = {}
    if effort is not None:
        if effort not in _EFFORTS:
            raise unsupported(f"extra: reasoning_effort is one of {', '.join(_EFFORTS)} for Anthropic's API")
        config["effort"] = effort
    if asked is not None and asked.type != "text":
        schema = None if asked.json_schema is None else asked.json_schema.schema_
        if schema is None:
            raise unsupported("response_format: Anthropic's API writes JSON by a schema only; give json_schema.schema")
        config["format"] = {"type": "json_schema", "schema": schema}
    return config or None


def _thinking(asked: Any, max_output_tokens: int | None) -> dict[str, Any]:
    kind = asked.get("type") if isinstance(asked, dict) else None
    if kind not in ("enabled", "adaptive", "disabled"):
        raise unsupported('extra: thinking is an object whose type is "enabled", "adaptive" or "disabled"')
    known = {"type", *(() if kind == "disabled" else ("display",)), *(("budget_tokens",) if kind == "enabled" else ())}
    if odd := sorted(asked.keys() - known):
        raise unsupported(f"extra: thinking of type {kind!r} has no {odd[0][:40]!r}")
    if asked.get("display") not in (None, "summarized", "omitted"):
        raise unsupported('extra: the display of thinking is "summarized" or "omitted"')
    if kind == "enabled":
        budget = asked.get("budget_tokens")
        if type(budget) is not int or budget < _LEAST_BUDGET_TOKENS:
            raise unsupported(f"extra: thinking needs budget_tokens of at least {_LEAST_BUDGET_TOKENS}")
        if max_output_tokens is None or budget >= max_output_tokens:
            raise unsupported(f"extra: thinking needs max_output_tokens above its budget of {budget} tokens")
    return dict(asked)


def _service_tier(asked: str | None) -> str:
    if asked in ("flex", "priority"):
        raise unsupported(
            f'service_tier: Anthropic\'s API has no {asked!r}; "auto" uses the priority capacity there is'
        )
    return "auto" if asked == "auto" else "standard_only"
