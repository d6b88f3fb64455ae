"""What is known of a model refuses what it cannot do; what is not known passes."""

from typing import Any

import pytest

from streamproc.errors import InvalidRequest
from streamproc.providers.facts import check_facts
from streamproc.records.request import Request
from streamproc.settings.provider import FactSettings

IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
TOOL = {"type": "function", "function": {"name": "f"}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "s", "schema": {}}}


def a_request(content: Any = "x", **fields: Any) -> Request:
    """A request with these fields."""
    return Request.model_validate(
        {"request_id": "a", "model": "m", "messages": [{"role": "user", "content": content}], **fields}
    )


@pytest.mark.parametrize(
    ("facts", "request_", "words"),
    [
        ({"max_output_tokens": 10}, a_request(max_output_tokens=11), "max_output_tokens: 'm' answers at most 10"),
        ({"context_tokens": 10}, a_request(max_output_tokens=11), "max_output_tokens: 'm' answers at most 10"),
        ({"images": False}, a_request([IMAGE]), "messages: 'm' takes no images"),
        ({"tools": False}, a_request(tools=[TOOL]), "tools: 'm' calls no tools"),
        ({"json_schema": False}, a_request(response_format=SCHEMA), "response_format: 'm' follows no JSON Schema"),
    ],
)
def test_what_a_model_cannot_do(facts: dict[str, Any], request_: Request, words: str) -> None:
    """The sentence names the field and the model; without the fact it is the provider's to say."""
    with pytest.raises(InvalidRequest, match=words):
        check_facts("m", FactSettings(**facts), request_)
    check_facts("m", FactSettings(), request_)


def test_what_a_model_can_do() -> None:
    """At the edge of every fact."""
    facts = FactSettings(max_output_tokens=10, context_tokens=100, images=True, tools=True, json_schema=True)
    check_facts("m", facts, a_request([IMAGE], max_output_tokens=10, tools=[TOOL], response_format=SCHEMA))
    check_facts("m", FactSettings(images=False, tools=False, json_schema=False), a_request())
