"""What Anthropic's Messages cannot be asked is refused before the call."""

from typing import Any

import pytest

from streamproc.errors import InvalidRequest
from streamproc.providers.anthropic import Anthropic
from tests.unit.providers.calls import a_call

USER = {"role": "user", "content": "say it"}


def with_part(role: str, **part: Any) -> dict[str, Any]:
    """A conversation with such a message in it."""
    return {"messages": [USER, {"role": role, **part}]}


IMAGE = [{"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}]
A_CALL = {"id": "c1", "function": {"name": "f", "arguments": "{}"}}
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a text": ({"text": "x"}, "conversations only"),
    "texts to embed": ({"input": ["x"]}, "conversations only"),
    "a seed": ({"seed": 7}, "seed"),
    "a temperature above one": ({"temperature": 1.1}, "temperature"),
    "JSON without a schema": ({"response_format": {"type": "json_object"}}, "schema"),
    "a schema that is none": (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "s"}}},
        "schema",
    ),
    "flex": ({"service_tier": "flex"}, "'flex'"),
    "priority by name": ({"service_tier": "priority"}, "'priority'"),
    "a system message alone": ({"messages": [{"role": "system", "content": "x"}]}, "not empty"),
    "an empty message alone": ({"messages": [{"role": "user", "content": ""}]}, "not empty"),
    "a name": (with_part("user", content="x", name="ann"), "name"),
    "a tool's result without an id": (with_part("tool", content="x"), "tool_call_id"),
    "an id of a call elsewhere": (with_part("user", content="x", tool_call_id="c1"), "tool_call_id"),
    "a tool call of the user": (with_part("user", tool_calls=[A_CALL]), "tool_calls"),
    "reasoning of the user": (with_part("user", reasoning=[{"text": "x", "signature": "s"}]), "reasoning"),
    "reasoning without a signature": (with_part("assistant", reasoning=[{"text": "x"}]), "signature"),
    "an image of the assistant": (with_part("assistant", content=IMAGE), "images"),
    "an image of the system": (with_part("system", content=IMAGE), "images"),
    "arguments that are no JSON": (
        with_part("assistant", tool_calls=[{"id": "c1", "function": {"name": "f", "arguments": "{x"}}]),
        "'c1' are no JSON object",
    ),
    "arguments that are no object": (
        with_part("assistant", tool_calls=[{"id": "c1", "function": {"name": "f", "arguments": "[1]"}}]),
        "'c1' are no JSON object",
    ),
    "parallel calls that are a number": ({"extra": {"parallel_tool_calls": 1}}, "parallel_tool_calls"),
    "an effort of another API": ({"extra": {"reasoning_effort": "minimal"}}, "low, medium"),
    "an effort of a wrong kind": ({"extra": {"reasoning_effort": ["low"]}}, "low, medium"),
    "thinking of a wrong kind": ({"extra": {"thinking": True}}, "thinking"),
    "thinking that is null": ({"extra": {"thinking": None}}, "thinking"),
    "thinking of a wrong type": ({"extra": {"thinking": {"type": ["enabled"]}}}, "thinking"),
    "thinking with a budget as it likes": ({"extra": {"thinking": {"type": "enabled"}}}, "budget_tokens"),
    "thinking with a small budget": ({"extra": {"thinking": {"type": "enabled", "budget_tokens": 1023}}}, "1024"),
    "thinking above the output limit": (
        {"extra": {"thinking": {"type": "enabled", "budget_tokens": 2000}}, "max_output_tokens": 2000},
        "above its budget of 2000",
    ),
    "thinking without an output limit": (
        {"extra": {"thinking": {"type": "enabled", "budget_tokens": 2000}}},
        "above its budget of 2000",
    ),
    "a budget of adaptive thinking": ({"extra": {"thinking": {"type": "adaptive", "budget_tokens": 2000}}}, "budget"),
    "a display of thinking that is off": ({"extra": {"thinking": {"type": "disabled", "display": "x"}}}, "display"),
    "a display that is unknown": ({"extra": {"thinking": {"type": "adaptive", "display": ["x"]}}}, "display"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_api_cannot_be_asked(case: str) -> None:
    """It is refused before the call, by the name of the field, and not left out in silence."""
    fields, says = REFUSED[case]
    with pytest.raises(InvalidRequest, match=says) as refused:
        Anthropic().check(a_call(**fields).request)
    assert refused.value.code == "option_not_supported"


@pytest.mark.parametrize(
    "name", ["container", "inference_geo", "speed", "mcp_servers", "service_tier", "max_tokens", "tools", "betas"]
)
def test_extra_option_off_the_list(name: str) -> None:
    """Its price has no bound, or is not known."""
    with pytest.raises(InvalidRequest, match=f"'{name}' cannot be passed on; allowed are .*thinking") as refused:
        Anthropic().check(a_call(extra={name: 1}).request)
    assert refused.value.code == "extra_not_allowed"
