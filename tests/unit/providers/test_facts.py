"""What is known of a model refuses what it cannot do; what is not known passes."""

from typing import Any

import pytest

from streamproc.errors import InvalidRequest
from streamproc.providers.facts import check_facts
from streamproc.records.request import Request
from streamproc.records.vector import encode_vector, vector_characters
from streamproc.settings.provider import FactSettings

IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
TOOL = {"type": "function", "function": {"name": "f"}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "s", "schema": {}}}

LIMIT = 16 * 2**20


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
        check_facts("m", FactSettings(**facts), request_, LIMIT)
    check_facts("m", FactSettings(), request_, LIMIT)


def test_what_a_model_can_do() -> None:
    """At the edge of every fact."""
    facts = FactSettings(max_output_tokens=10, context_tokens=100, images=True, tools=True, json_schema=True)
    check_facts("m", facts, a_request([IMAGE], max_output_tokens=10, tools=[TOOL], response_format=SCHEMA), LIMIT)
    check_facts("m", FactSettings(images=False, tools=False, json_schema=False), a_request(), LIMIT)


def test_vectors_that_would_not_fit_into_an_answer_are_refused_before_they_are_bought() -> None:
    """A request whose answer passed the limit was called, billed, and failed then.

    1,536 numbers are 8,192 characters: 2,048 such vectors are the default limit to the character.
    """
    facts = FactSettings(dimensions=1536)
    texts = Request(request_id="a", model="m", input=["x"] * 2048, stream=False)
    check_facts("m", facts, texts, LIMIT)
    check_facts("m", facts, a_request(), 1)
    check_facts("m", FactSettings(), texts, 1)
    with pytest.raises(InvalidRequest, match="input: 2048 vectors of 'm' have 16777216 characters"):
        check_facts("m", facts, texts, LIMIT - 1)


def test_the_length_that_a_request_asks_for_goes_before_the_model_s() -> None:
    """Also of a model whose own is not known; a longer one than the model's is none it makes."""
    short = Request(request_id="a", model="m", input=["x"] * 3, dimensions=2, stream=False)
    check_facts("m", FactSettings(dimensions=1536), short, 36)
    with pytest.raises(InvalidRequest, match="input: 3 vectors of 'm' have 36 characters"):
        check_facts("m", FactSettings(), short, 35)
    with pytest.raises(InvalidRequest, match="dimensions: 'm' makes vectors of 1"):
        check_facts("m", FactSettings(dimensions=1), short, 36)


@pytest.mark.parametrize("dimensions", [1, 2, 3, 4, 1536, 8192])
def test_the_length_of_a_vector_is_known_before_it_comes(dimensions: int) -> None:
    """It is that of the text it becomes."""
    assert vector_characters(dimensions) == len(encode_vector([0.5] * dimensions))
