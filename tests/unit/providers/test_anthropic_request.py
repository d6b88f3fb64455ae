"""Bodies of requests to Anthropic's Messages, and what is refused before the call."""

from typing import Any

import orjson
import pytest

from streamproc.providers.anthropic import Anthropic
from streamproc.providers.anthropic_request import ALLOWED_EXTRAS
from streamproc.providers.ollama import Ollama
from streamproc.records.request import Request
from tests.unit.providers.calls import a_call

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
HOUR = {"type": "ephemeral", "ttl": "1h"}


def rendered(**fields: Any) -> dict[str, Any]:
    """The body of a call with these fields, which is checked as well."""
    call = a_call(**fields)
    Anthropic().check(call.request)
    body = orjson.loads(Anthropic().render(call))
    assert isinstance(body, dict)
    return body


def a_tool(**function: Any) -> dict[str, Any]:
    """A tool with these fields over the usual ones."""
    return {"type": "function", "function": {"name": "f", **function}}


def test_smallest_request() -> None:
    """The output limit and the standard tier are always asked for, and nothing that was not asked for."""
    assert rendered() == {
        "model": "gpt-x",
        "max_tokens": 100,
        "stream": True,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "say it"}]}],
        "service_tier": "standard_only",
    }
    assert rendered(stream=False)["stream"] is False


def test_headers_and_path() -> None:
    """Those of the official clients; a server without a key is asked without one."""
    dialect = Anthropic()
    assert dialect.headers("k") == {"x-api-key": "k", "anthropic-version": "2023-06-01"}
    assert dialect.headers(None) == {"anthropic-version": "2023-06-01"}
    assert dialect.path(a_call()) == "/v1/messages"


def test_fields_that_shape_the_answer() -> None:
    """They go out by the names of the API; the user is told as an opaque id."""
    body = rendered(
        temperature=0.0, top_p=0.5, stop=["end"], user="u-1", service_tier="auto", extra={"top_k": 3}, tenant="t"
    )
    assert body["temperature"] == 0.0
    assert body["top_p"] == 0.5
    assert body["top_k"] == 3
    assert body["stop_sequences"] == ["end"]
    assert body["metadata"] == {"user_id": "u-1"}
    assert body["service_tier"] == "auto"
    assert body.keys() <= {*rendered(), "temperature", "top_p", "top_k", "stop_sequences", "metadata"}


def test_conversation_with_tools() -> None:
    """System messages are the system prompt, results of tools the user's blocks, turns of one role one turn."""
    schema = {"type": "object", "properties": {"x": {"type": "integer"}}}
    body = rendered(
        messages=[
            {"role": "system", "content": [{"type": "text", "text": "be brief", "cache_control": HOUR}]},
            {"role": "user", "content": "a"},
            {"role": "user", "content": [{"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}}]},
            {"role": "developer", "content": "and kind"},
            {
                "role": "assistant",
                "content": "so",
                "reasoning": [{"text": "hm", "signature": "s1"}, {"redacted": "d1"}],
                "tool_calls": [
                    {"id": "c1", "function": {"name": "f", "arguments": '{"x": 1}'}},
                    {"id": "c2", "function": {"name": "g", "arguments": ""}},
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "name": "f", "content": "42"},
            {"role": "tool", "tool_call_id": "c2", "content": None},
            {"role": "user", "content": "c"},
        ],
        tools=[
            {**a_tool(description="does", parameters=schema, strict=True), "cache_control": HOUR},
            a_tool(name="g"),
        ],
    )
    assert body["system"] == [
        {"type": "text", "text": "be brief", "cache_control": HOUR},
        {"type": "text", "text": "and kind"},
    ]
    assert body["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "a"},
                {"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "s1"},
                {"type": "redacted_thinking", "data": "d1"},
                {"type": "text", "text": "so"},
                {"type": "tool_use", "id": "c1", "name": "f", "input": {"x": 1}},
                {"type": "tool_use", "id": "c2", "name": "g", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "42"}]},
                {"type": "tool_result", "tool_use_id": "c2"},
                {"type": "text", "text": "c"},
            ],
        },
    ]
    assert body["tools"] == [
        {"name": "f", "description": "does", "input_schema": schema, "strict": True, "cache_control": HOUR},
        {"name": "g", "input_schema": {"type": "object", "properties": {}}},
    ]


def test_an_empty_text_is_no_block() -> None:
    """The API refuses blocks without text; an assistant that only called a tool said nothing."""
    call = {"id": "c1", "function": {"name": "f", "arguments": "{}"}}
    parts = [{"type": "text", "text": ""}, {"type": "text", "text": "a"}]
    messages = [{"role": "user", "content": parts}, {"role": "assistant", "content": "", "tool_calls": [call]}]
    assert [[block["type"] for block in turn["content"]] for turn in rendered(messages=messages)["messages"]] == [
        ["text"],
        ["tool_use"],
    ]


def test_images() -> None:
    """By their address, or as base64 with the kind beside it."""
    content = [
        {"type": "image_url", "image_url": {"url": "https://x.example/a.png", "detail": "low"}, "cache_control": HOUR},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}, "cache_control": HOUR},
    ]
    assert rendered(messages=[{"role": "user", "content": content}])["messages"][0]["content"] == [
        {"type": "image", "source": {"type": "url", "url": "https://x.example/a.png"}, "cache_control": HOUR},
        {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": PNG},
            "cache_control": HOUR,
        },
    ]


@pytest.mark.parametrize(
    ("asked", "parallel", "sent"),
    [
        (None, None, None),
        ("auto", None, {"type": "auto"}),
        ("required", None, {"type": "any"}),
        ("none", None, {"type": "none"}),
        ("none", False, {"type": "none"}),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        ("required", True, {"type": "any", "disable_parallel_tool_use": False}),
        ({"type": "function", "function": {"name": "f"}}, None, {"type": "tool", "name": "f"}),
    ],
)
def test_tool_choice(asked: Any, parallel: Any, sent: Any) -> None:
    """The words of Chat Completions in those of the API; parallel calls are turned off where the choice stands."""
    extra = None if parallel is None else {"parallel_tool_calls": parallel}
    assert rendered(tools=[a_tool()], tool_choice=asked, extra=extra).get("tool_choice") == sent


def test_parallel_calls_without_tools() -> None:
    """There is no choice to tell."""
    assert "tool_choice" not in rendered(extra={"parallel_tool_calls": False})


def test_json_by_a_schema_and_effort() -> None:
    """Both stand in `output_config`; plain text asks for nothing."""
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    asked = {"type": "json_schema", "json_schema": {"name": "s", "schema": schema, "strict": True}}
    body = rendered(response_format=asked, extra={"reasoning_effort": "low"})
    assert body["output_config"] == {"effort": "low", "format": {"type": "json_schema", "schema": schema}}
    assert "output_config" not in rendered(response_format={"type": "text"})


@pytest.mark.parametrize(
    "thinking",
    [
        {"type": "enabled", "budget_tokens": 1024},
        {"type": "enabled", "budget_tokens": 1999, "display": "omitted"},
        {"type": "adaptive", "display": "summarized"},
        {"type": "adaptive"},
        {"type": "disabled"},
    ],
)
def test_thinking(thinking: Any) -> None:
    """Is passed on; a budget is below the output limit, which bounds it."""
    assert rendered(extra={"thinking": thinking}, max_output_tokens=2000)["thinking"] == thinking


def test_allowed_extras_cannot_replace_our_own_fields() -> None:
    """What the chain counts and bounds is not open to the request's extra options."""
    assert not ALLOWED_EXTRAS & (rendered().keys() | Request.model_fields.keys())


@pytest.mark.parametrize(
    "arguments",
    ['{"a":' * 400 + "1" + "}" * 400, '{"id":123456789012345678901234567890}'],
    ids=["deep", "a long number"],
)
def test_arguments_go_back_as_the_model_wrote_them(arguments: str) -> None:
    """They were read and written anew: a long number came out as another one, and deep nesting ended in a defect."""
    call = {"id": "c1", "function": {"name": "f", "arguments": arguments}}
    for dialect in (Anthropic(), Ollama(lambda _: 4096)):
        asked = a_call(messages=[{"role": "assistant", "tool_calls": [call]}])
        dialect.check(asked.request)
        assert arguments.encode() in dialect.render(asked)
