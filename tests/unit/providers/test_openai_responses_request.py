"""Bodies of Responses requests."""

from typing import Any

import orjson
import pytest

from streamproc.errors import InvalidRequest
from streamproc.providers.openai_responses_request import ALLOWED_EXTRAS, check_request, render_body
from streamproc.records.request import Request
from tests.unit.providers.calls import a_call


def rendered(*, at_openai: bool = False, **fields: Any) -> dict[str, Any]:
    """The body of a call with these fields, which are allowed."""
    call = a_call(**fields)
    check_request(call.request)
    body = orjson.loads(render_body(call, is_openai=at_openai))
    assert isinstance(body, dict)
    return body


def items(*messages: dict[str, Any]) -> Any:
    """The input items of this conversation."""
    return rendered(messages=list(messages))["input"]


def test_smallest_request() -> None:
    """The provider's model name and the output limit are always sent, nothing is stored, nothing else is said."""
    assert rendered() == {
        "input": [{"role": "user", "content": "say it"}],
        "model": "gpt-x",
        "max_output_tokens": 100,
        "stream": True,
        "store": False,
    }


def test_without_streaming() -> None:
    """Stream options go with streaming only."""
    assert "stream_options" not in rendered(stream=False, at_openai=True)
    assert rendered(stream=False)["stream"] is False


def test_obfuscation_is_turned_off_only_where_it_is_known() -> None:
    """OpenAI alone pads its events, and other servers may refuse the option."""
    assert rendered(at_openai=True)["stream_options"] == {"include_obfuscation": False}
    assert "stream_options" not in rendered()


def test_roles_and_parts() -> None:
    """Texts and images of all roles; marks for the cache are left out; an assistant's parts are one text."""
    image = "data:image/png;base64,iVBORw0KGgoAAAAA"
    mark = {"type": "ephemeral", "ttl": "1h"}
    assert items(
        {"role": "system", "content": "be brief"},
        {"role": "developer", "content": [{"type": "text", "text": "a", "cache_control": mark}]},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "what is it?"},
                {"type": "image_url", "image_url": {"url": image, "detail": "low"}},
                {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}},
            ],
        },
        {"role": "assistant", "content": [{"type": "text", "text": "a "}, {"type": "text", "text": "cat"}]},
    ) == [
        {"role": "system", "content": "be brief"},
        {"role": "developer", "content": [{"type": "input_text", "text": "a"}]},
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "what is it?"},
                {"type": "input_image", "image_url": image, "detail": "low"},
                {"type": "input_image", "image_url": "https://x.example/a.png", "detail": "auto"},
            ],
        },
        {"role": "assistant", "content": "a cat"},
    ]


def test_a_tool_loop() -> None:
    """Reasoning with its signature, text, calls and their results are items of their own, in this order."""
    assert items(
        {"role": "user", "content": "weather?"},
        {
            "role": "assistant",
            "content": "let me see",
            "reasoning": [{"text": "hm", "signature": "rs_1 gAAA=="}, {"text": "", "signature": "rs_2 gBBB=="}],
            "tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": '{"a":1}'}}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "rain"},
        {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "sun"}]},
        {"role": "assistant", "tool_calls": [{"id": "c3", "function": {"name": "g", "arguments": ""}}]},
    )[1:] == [
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "hm"}],
            "encrypted_content": "gAAA==",
        },
        {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "gBBB=="},
        {"role": "assistant", "content": "let me see"},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a":1}'},
        {"type": "function_call_output", "call_id": "c1", "output": "rain"},
        {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "sun"}]},
        {"type": "function_call", "call_id": "c3", "name": "g", "arguments": ""},
    ]


def test_every_field_that_shapes_the_answer() -> None:
    """Each by its name in this API; `strict` is said, because it is true where it is left out."""
    schema = {"type": "object", "properties": {"a": {"enum": ["x", None], "default": None}}}
    body = rendered(
        temperature=0.0,
        top_p=0.5,
        user="u-1",
        service_tier="flex",
        response_format={"type": "json_schema", "json_schema": {"name": "s", "schema": schema, "strict": True}},
        tools=[
            {"type": "function", "function": {"name": "f", "description": "d", "parameters": schema, "strict": True}},
            {"type": "function", "function": {"name": "g"}, "cache_control": {"type": "ephemeral"}},
        ],
        tool_choice={"type": "function", "function": {"name": "f"}},
        extra={
            "reasoning_effort": "low",
            "reasoning_summary": "auto",
            "verbosity": "low",
            "parallel_tool_calls": False,
            "prompt_cache_key": "k",
            "safety_identifier": "s",
            "include": ["reasoning.encrypted_content"],
        },
        metadata={"k": "v"},
        max_cost_usd=1.0,
    )
    for name in ("input", "model", "max_output_tokens", "stream", "store"):
        del body[name]
    assert body == {
        "temperature": 0.0,
        "top_p": 0.5,
        "user": "u-1",
        "service_tier": "flex",
        "text": {
            "format": {"type": "json_schema", "name": "s", "schema": schema, "strict": True},
            "verbosity": "low",
        },
        "reasoning": {"effort": "low", "summary": "auto"},
        "tools": [
            {"type": "function", "name": "f", "description": "d", "parameters": schema, "strict": True},
            {"type": "function", "name": "g", "parameters": {"type": "object", "properties": {}}, "strict": False},
        ],
        "tool_choice": {"type": "function", "name": "f"},
        "parallel_tool_calls": False,
        "prompt_cache_key": "k",
        "safety_identifier": "s",
        "include": ["reasoning.encrypted_content"],
    }


@pytest.mark.parametrize("choice", ["none", "auto", "required"])
def test_tool_choice_by_a_word(choice: str) -> None:
    """The words are the same."""
    assert rendered(tool_choice=choice)["tool_choice"] == choice


@pytest.mark.parametrize("kind", ["text", "json_object"])
def test_json_mode(kind: str) -> None:
    """Formats without a schema are their type alone."""
    assert rendered(response_format={"type": kind})["text"] == {"format": {"type": kind}}


def _user(**fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "x", **fields}]}


def _assistant(**fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "assistant", **fields}]}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a text": ({"text": "once upon"}, "messages: Responses answers conversations only"),
    "stop": ({"stop": ["end"]}, "stop: "),
    "seed": ({"seed": 0}, "seed: "),
    "a name": (_user(name="ann"), "a message has no name"),
    "an assistant's image": (
        _assistant(content=[{"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}]),
        "no images",
    ),
    "reasoning without a signature": (_assistant(reasoning=[{"text": "hm"}]), "only with the signature"),
    "another API's reasoning": (_assistant(reasoning=[{"redacted": "xx"}]), "only with the signature"),
    "another API's signature": (_assistant(reasoning=[{"text": "hm", "signature": "xx"}]), "not one of Responses"),
    "a schema without one": (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "s"}}},
        "wants the schema",
    ),
    "other includes": ({"extra": {"include": ["file_search_call.results"]}}, "include may be"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_said_is_refused(case: str) -> None:
    """Before the call, by name, and not dropped in silence."""
    fields, words = REFUSED[case]
    with pytest.raises(InvalidRequest, match=words) as refused:
        check_request(a_call(**fields).request)
    assert refused.value.code == "option_not_supported"


@pytest.mark.parametrize(
    "name",
    ["background", "conversation", "max_tool_calls", "previous_response_id", "prompt", "store", "tools", "truncation"],
)
def test_extra_option_off_the_list(name: str) -> None:
    """It is refused by name before the call, and would not be sent."""
    with pytest.raises(InvalidRequest, match=f"'{name}' cannot be passed on; allowed are include, ") as refused:
        check_request(a_call(extra={name: 1}).request)
    assert refused.value.code == "extra_not_allowed"


def test_allowed_extras_cannot_replace_our_own_fields() -> None:
    """What the chain counts and bounds is not open to the request's extra options."""
    assert not ALLOWED_EXTRAS & (rendered().keys() | Request.model_fields.keys())


def test_openai_is_told_the_tier_that_the_bound_counts_with() -> None:
    """Without it the account's own setting would hold, and a dearer tier could cost more than was bounded."""
    assert rendered(at_openai=True)["service_tier"] == "default"
    assert rendered(at_openai=True, service_tier="flex")["service_tier"] == "flex"
    assert "service_tier" not in rendered()
