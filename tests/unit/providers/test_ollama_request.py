"""Bodies of requests to Ollama's own API, and what is refused before the call."""

from typing import Any

import orjson
import pytest

from streamproc.errors import InvalidRequest
from streamproc.providers.ollama import Ollama
from streamproc.providers.ollama_request import ALLOWED_EXTRAS
from streamproc.records.request import Request
from tests.unit.providers.calls import a_call

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
DIALECT = Ollama({"gpt-x": 8192}.__getitem__)


def rendered(**fields: Any) -> dict[str, Any]:
    """The body of a call with these fields, which is checked as well."""
    call = a_call(**fields)
    DIALECT.check(call.request)
    body = orjson.loads(DIALECT.render(call))
    assert isinstance(body, dict)
    return body


def test_smallest_request() -> None:
    """The size of the context and the output limit are always sent, and the prompt is never cut in silence."""
    assert rendered() == {
        "model": "gpt-x",
        "messages": [{"role": "user", "content": "say it"}],
        "stream": True,
        "truncate": False,
        "shift": False,
        "options": {"num_ctx": 8192, "num_predict": 100},
    }
    assert rendered(stream=False)["stream"] is False


def test_a_text_goes_to_generate() -> None:
    """And a conversation to chat; both with the same options."""
    body = rendered(text="once upon", seed=7)
    assert body["prompt"] == "once upon"
    assert "messages" not in body
    assert body["options"] == {"num_ctx": 8192, "num_predict": 100, "seed": 7}
    assert DIALECT.path(a_call(text="x")) == "/api/generate"
    assert DIALECT.path(a_call()) == "/api/chat"


def test_headers() -> None:
    """A key goes by the usual scheme; mostly there is none."""
    assert DIALECT.headers("k") == {"authorization": "Bearer k"}
    assert DIALECT.headers(None) == {}


def test_fields_that_shape_the_answer() -> None:
    """They are options of the model; thinking stands beside them."""
    body = rendered(
        temperature=0.0,
        top_p=0.5,
        seed=7,
        stop=["end"],
        service_tier="default",
        user="u-1",
        extra={"top_k": 3, "repeat_penalty": 1.1, "think": "high"},
    )
    assert body["options"] == {
        "num_ctx": 8192,
        "num_predict": 100,
        "temperature": 0.0,
        "top_p": 0.5,
        "seed": 7,
        "stop": ["end"],
        "top_k": 3,
        "repeat_penalty": 1.1,
    }
    assert body["think"] == "high"
    assert body.keys() == {*rendered(), "think"}


def test_conversation_with_tools() -> None:
    """Arguments are objects, results name their tool, thinking is sent back; marks for a cache say nothing there."""
    parameters = {"type": "object", "properties": {"x": {"type": "integer"}}}
    mark = {"cache_control": {"type": "ephemeral"}}
    call = {"id": "c1", "function": {"name": "f", "arguments": '{"x": 1}'}}
    function = {"name": "f", "description": "does", "parameters": parameters}
    body = rendered(
        messages=[
            {"role": "developer", "content": [{"type": "text", "text": "a", **mark}, {"type": "text", "text": "b"}]},
            {"role": "user", "content": "c"},
            {"role": "assistant", "reasoning": [{"text": "h", "signature": "s"}, {"text": "m"}], "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "42"},
            {"role": "tool", "tool_call_id": "c9", "name": "g", "content": "43"},
        ],
        tools=[{"type": "function", "function": {**function, "strict": False}, **mark},
               {"type": "function", "function": {"name": "g"}}],
        tool_choice="auto",
    )  # fmt: skip
    assert body["messages"] == [
        {"role": "system", "content": "a\nb"},
        {"role": "user", "content": "c"},
        {
            "role": "assistant",
            "content": "",
            "thinking": "hm",
            "tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": {"x": 1}}}],
        },
        {"role": "tool", "content": "42", "tool_call_id": "c1", "tool_name": "f"},
        {"role": "tool", "content": "43", "tool_call_id": "c9", "tool_name": "g"},
    ]
    assert body["tools"] == [
        {"type": "function", "function": function},
        {"type": "function", "function": {"name": "g", "parameters": {"type": "object", "properties": {}}}},
    ]


def test_tools_that_may_not_be_called() -> None:
    """They are not told."""
    assert "tools" not in rendered(tools=[{"type": "function", "function": {"name": "f"}}], tool_choice="none")


def test_images() -> None:
    """They stand beside the text, as base64 alone."""
    content = [
        {"type": "text", "text": "what is it?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}", "detail": "low"}},
    ]
    assert rendered(messages=[{"role": "user", "content": content}])["messages"] == [
        {"role": "user", "content": "what is it?", "images": [PNG]}
    ]


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({"type": "text"}, None),
        ({"type": "json_object"}, "json"),
        ({"type": "json_schema", "json_schema": {"name": "s"}}, "json"),
        ({"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object"}}}, {"type": "object"}),
    ],
)
def test_format(asked: Any, sent: Any) -> None:
    """Any JSON, or JSON by a schema."""
    assert rendered(response_format=asked).get("format") == sent


def with_part(role: str, **part: Any) -> dict[str, Any]:
    """A conversation with such a message in it."""
    return {"messages": [{"role": "user", "content": "say it"}, {"role": role, **part}]}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "texts to embed": ({"input": ["x"]}, "input"),
    "a text that is empty": ({"text": ""}, "empty"),
    "a tool that has to be called": ({"tool_choice": "required"}, "tool_choice"),
    "a named tool": ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, "tool_choice"),
    "a strict tool": ({"tools": [{"type": "function", "function": {"name": "f", "strict": True}}]}, "strict"),
    "flex": ({"service_tier": "flex"}, "service_tier"),
    "priority": ({"service_tier": "priority"}, "service_tier"),
    "a name": (with_part("user", content="x", name="ann"), "name"),
    "an image to be fetched": (
        with_part("user", content=[{"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}]),
        "data URLs",
    ),
    "redacted reasoning": (with_part("assistant", reasoning=[{"redacted": "x"}]), "redacted"),
    "arguments that are no object": (
        with_part("assistant", tool_calls=[{"id": "c1", "function": {"name": "f", "arguments": "7"}}]),
        "'c1' are no JSON object",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_api_cannot_be_asked(case: str) -> None:
    """It is refused before the call, by the name of the field, and not left out in silence."""
    fields, says = REFUSED[case]
    with pytest.raises(InvalidRequest, match=says) as refused:
        DIALECT.check(a_call(**fields).request)
    assert refused.value.code == "option_not_supported"


@pytest.mark.parametrize("name", ["num_ctx", "num_predict", "truncate", "shift", "keep_alive", "raw", "num_gpu"])
def test_extra_option_off_the_list(name: str) -> None:
    """It would undo a bound, or change the server for everybody."""
    with pytest.raises(InvalidRequest, match=f"'{name}' cannot be passed on; allowed are .*think") as refused:
        DIALECT.check(a_call(extra={name: 1}).request)
    assert refused.value.code == "extra_not_allowed"


def test_allowed_extras_cannot_replace_our_own_fields() -> None:
    """What the chain counts and bounds is not open to the request's extra options."""
    body = rendered()
    assert not ALLOWED_EXTRAS & (body.keys() | body["options"].keys() | Request.model_fields.keys())
