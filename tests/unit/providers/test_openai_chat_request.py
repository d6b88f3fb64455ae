"""Bodies of Chat Completions requests."""

from typing import Any

import orjson
import pytest

from streamproc.errors import InvalidRequest
from streamproc.providers.openai_chat_request import ALLOWED_EXTRAS, check_request, render_body
from streamproc.records.request import Request
from tests.unit.providers.calls import a_call


def rendered(*, field: Any = "max_completion_tokens", at_openai: bool = False, **fields: Any) -> dict[str, Any]:
    """The body of a call with these fields."""
    body = orjson.loads(render_body(a_call(**fields), output_limit_field=field, is_openai=at_openai))
    assert isinstance(body, dict)
    return body


def test_smallest_request() -> None:
    """The provider's model name and the output limit are always sent, and nothing that was not asked for."""
    assert rendered() == {
        "messages": [{"role": "user", "content": "say it"}],
        "model": "gpt-x",
        "max_completion_tokens": 100,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_without_streaming() -> None:
    """Stream options go with streaming only."""
    body = rendered(stream=False, field="max_tokens", at_openai=True)
    assert body["stream"] is False
    assert "stream_options" not in body
    assert body["max_tokens"] == 100
    assert "max_completion_tokens" not in body


def test_obfuscation_is_turned_off_only_where_it_is_known() -> None:
    """OpenAI alone pads its chunks, and other servers may refuse the option."""
    assert rendered(at_openai=True)["stream_options"] == {"include_usage": True, "include_obfuscation": False}


def test_every_field_that_shapes_the_answer() -> None:
    """Fields go out by the provider's names; a null inside a JSON Schema stays."""
    schema = {"type": "object", "properties": {"a": {"enum": ["x", None], "default": None}}}
    messages = [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "name": "ann"},
        {"role": "assistant", "tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "42"},
    ]
    fields: dict[str, Any] = {
        "messages": messages,
        "temperature": 0.0,
        "top_p": 0.5,
        "stop": ["end"],
        "seed": 7,
        "user": "u-1",
        "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": schema, "strict": True}},
        "tools": [{"type": "function", "function": {"name": "f", "parameters": schema}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
    }
    body = rendered(**fields, tenant="t", feature="x", metadata={"k": "v"}, max_cost_usd=1.0)
    sent = {name: body[name] for name in fields}
    messages[2]["tool_calls"][0]["type"] = "function"  # type: ignore[index] # the default of the record
    assert sent == fields
    assert not {"tenant", "feature", "metadata", "max_cost_usd", "request_id"} & body.keys()


def test_extra_options_of_the_list() -> None:
    """They are sent as they are."""
    extra = {"presence_penalty": 0.5, "logit_bias": {"50256": -100}, "reasoning_effort": "low", "top_k": 40}
    body = rendered(extra=extra)
    assert {name: body[name] for name in extra} == extra


@pytest.mark.parametrize("name", ["n", "service_tier", "model", "max_tokens", "stream", "web_search_options", "store"])
def test_extra_option_off_the_list(name: str) -> None:
    """It is refused by name before the call, and would not be sent."""
    request = a_call(extra={name: 1, "top_k": 1}).request
    with pytest.raises(InvalidRequest, match=f"'{name}' cannot be passed on; allowed are .*top_k") as refused:
        check_request(request)
    assert refused.value.code == "extra_not_allowed"
    assert rendered(extra={name: "odd"}).get(name) != "odd"


def test_allowed_extras_cannot_replace_our_own_fields() -> None:
    """What the chain counts and bounds is not open to the request's extra options."""
    assert not ALLOWED_EXTRAS & (rendered().keys() | Request.model_fields.keys())
    check_request(a_call(extra=dict.fromkeys(ALLOWED_EXTRAS, 1)).request)
    check_request(a_call().request)


def test_images_and_tiers_go_out_and_marks_for_the_cache_stay() -> None:
    """The marks ask for nothing that OpenAI does not do by itself, and its servers refuse what they do not know."""
    mark = {"type": "ephemeral"}
    image = {"url": "https://x.example/a.png", "detail": "low"}
    body = rendered(
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "a", "cache_control": mark},
                    {"type": "image_url", "image_url": image, "cache_control": mark},
                ],
            },
            {"role": "assistant", "content": "b", "reasoning": []},
        ],
        tools=[{"type": "function", "function": {"name": "f"}, "cache_control": mark}],
        service_tier="flex",
    )
    assert body["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": image}]},
        {"role": "assistant", "content": "b"},
    ]
    assert body["tools"] == [{"type": "function", "function": {"name": "f"}}]
    assert body["service_tier"] == "flex"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"text": "once upon"}, "answers conversations only"),
        ({"messages": [{"role": "assistant", "reasoning": [{"text": "hm"}]}]}, "takes no reasoning back"),
    ],
)
def test_what_cannot_be_said_is_refused(fields: dict[str, Any], words: str) -> None:
    """Before the call, and not dropped in silence."""
    with pytest.raises(InvalidRequest, match=words) as refused:
        check_request(a_call(**fields).request)
    assert refused.value.code == "option_not_supported"


def test_openai_is_told_the_tier_that_the_bound_counts_with() -> None:
    """Without it the account's own setting would hold, and a dearer tier could cost more than was bounded."""
    assert rendered(at_openai=True)["service_tier"] == "default"
    assert rendered(at_openai=True, service_tier="flex")["service_tier"] == "flex"
    assert "service_tier" not in rendered()
