"""What a request may ask with, and what it may say to a model: three forms, images, reasoning, cache marks."""

import json
from typing import Any

import pytest
from hypothesis import given, settings

from streamproc.errors import InvalidRequest
from streamproc.records.codec import encode
from streamproc.records.image import data_of
from streamproc.records.input_hash import input_hash
from streamproc.records.request import Request
from tests.unit.records.requests import PNG, decoder, requests

TALK = [{"role": "user", "content": "x"}]
WEBP = "UklGRiQAAABXRUJQVlA4IBgA"
JPEG = "/9j/4AAQSkZJRgABAQEASABI"


def read(**fields: Any) -> Request:
    """The request with these fields."""
    return decoder().decode(json.dumps({"request_id": "a", "model": "m", **fields}).encode())


def refused(**fields: Any) -> str:
    """The sentence about a request with these fields."""
    with pytest.raises(InvalidRequest) as caught:
        read(**fields)
    assert caught.value.code == "invalid_request"
    return str(caught.value)


def say(*parts: dict[str, Any]) -> list[dict[str, Any]]:
    """A conversation of one message with these parts."""
    return [{"role": "user", "content": list(parts)}]


def picture(url: str, **fields: Any) -> dict[str, Any]:
    """A part with an image."""
    return {"type": "image_url", "image_url": {"url": url}, **fields}


def test_a_request_asks_with_one_form() -> None:
    """A conversation, a text to go on with, or texts to embed; what is absent is an empty list or None."""
    assert read(messages=TALK).messages[0].content == "x"
    assert (read(text="").messages, read(text="").text) == ([], "")
    assert read(input=["a", "b"]).input == ["a", "b"]


@pytest.mark.parametrize(
    "fields", [{}, {"messages": TALK, "text": "x"}, {"text": "x", "input": ["a"]}, {"messages": TALK, "input": ["a"]}]
)
def test_a_request_with_none_or_two_forms_is_refused(fields: dict[str, Any]) -> None:
    """Nobody has to guess which of them was meant."""
    assert refused(**fields) == "has one of messages, text and input"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"text": "x", "tool_choice": "auto"}, "tool_choice: not with text"),
        ({"text": "x", "service_tier": "flex"}, "service_tier: not with text"),
        ({"input": ["x"], "stop": ["a"], "temperature": 1}, "temperature, stop: not with input"),
        ({"input": ["x"], "max_output_tokens": 1}, "max_output_tokens: not with input"),
        ({"input": []}, "input: "),
        ({"input": [""]}, "input.0: "),
        ({"input": ["a"] * 2049}, "input: "),
        ({"messages": []}, "messages: "),
        ({"messages": TALK, "service_tier": "fast"}, "service_tier: "),
    ],
)
def test_an_option_that_means_nothing_is_refused(fields: dict[str, Any], words: str) -> None:
    """An option is never dropped in silence."""
    assert words in refused(**fields)


@given(requests)
@settings(max_examples=40)
def test_a_request_that_is_written_again_reads_the_same(value: Any) -> None:
    """A deferred run travels in our own form, whatever form its request came in."""
    request = decoder().decode(json.dumps(value).encode())
    assert decoder().decode(encode(request)) == request


def test_form_and_texts_are_in_the_hash_and_the_price_is_not() -> None:
    """The same words asked in another form get another answer; on another tier they get the same."""
    hashes = {input_hash(read(**fields)) for fields in ({"text": "x"}, {"input": ["x"]}, {"messages": TALK})}
    assert len(hashes) == 3
    assert input_hash(read(messages=TALK, service_tier="flex")) == input_hash(read(messages=TALK))


@pytest.mark.parametrize(
    "url",
    [
        f"data:image/png;base64,{PNG}",
        f"data:image/jpeg;base64,{JPEG}",
        f"data:image/webp;base64,{WEBP}",
        "data:image/gif;base64,R0lGODlhAQABAAAA",
        "https://example.org/a.png",
        "https://" + "a" * 2040,
    ],
)
def test_an_image_is_an_address_or_its_own_bytes(url: str) -> None:
    """In every kind that all providers take."""
    (image,) = read(messages=say({"type": "text", "text": "what is it?"}, picture(url))).images()
    assert image.url == url
    assert (data_of(url) is None) is url.startswith("https")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://example.org/a.png", "must be an https address"),
        ("https://exämple.org/a.png", "must be an https address"),
        ("https://" + "a" * 2041, "must be an https address"),
        ("file:///etc/passwd", "must be an https address"),
        ("", "must be an https address"),
        (f"data:image/svg+xml;base64,{PNG}", "must be an https address"),
        (f"data:image/png,{PNG}", "must be an https address"),
        (f"data:image/png;base64,{PNG}\n", "must be an https address"),
        (f"data:image/png;base64,{PNG[:-1]}", "is cut"),
        (f"data:image/png;base64,{JPEG}", "holds bytes that are no image/png"),
        (f"data:image/gif;base64,{PNG}", "holds bytes that are no image/gif"),
    ],
)
def test_what_is_no_image_is_refused_before_it_is_paid_for(url: str, words: str) -> None:
    """The sentence names the part and the reason, and does not repeat the image."""
    told = refused(messages=say(picture(url)))
    assert words in told
    assert told.startswith("messages.0.content.parts.0.image_url.image_url.url: ")
    assert len(told) < 250


def test_images_have_a_number() -> None:
    """No provider takes more than a hundred."""
    one = picture("https://example.org/a.png")
    assert len(read(messages=say(*[one] * 100)).images()) == 100
    assert refused(messages=say(*[one] * 101)) == "messages: more than 100 images"


def test_content_is_a_text_or_parts() -> None:
    """One sentence for anything else."""
    assert refused(messages=[{"role": "user", "content": 5}]) == "messages.0.content: must be a text or a list of parts"


def test_reasoning_goes_back_as_it_came() -> None:
    """Text with its signature, also an empty text, and data that only the provider can read."""
    parts = [{"text": "hm", "signature": "s"}, {"text": "", "signature": "t"}, {"redacted": "x"}]
    (message,) = read(messages=[{"role": "assistant", "content": "a", "reasoning": parts}]).messages
    dumped = message.model_dump(mode="json", exclude_none=True)
    assert dumped["reasoning"] == parts
    for wrong in ({"signature": "s"}, {"text": "a", "redacted": "b"}, {"redacted": ""}, {}):
        with pytest.raises(InvalidRequest, match=r"messages\.0\.reasoning"):
            read(messages=[{"role": "assistant", "reasoning": [wrong]}])


@pytest.mark.parametrize(
    ("fields", "asks"),
    [
        ({"messages": TALK}, False),
        ({"messages": say({"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}})}, False),
        ({"messages": say({"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "5m"}})}, False),
        ({"messages": say({"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}})}, True),
        ({"messages": say(picture("https://a.b", cache_control={"type": "ephemeral", "ttl": "1h"}))}, True),
        (
            {
                "messages": TALK,
                "tools": [
                    {
                        "type": "function",
                        "function": {"name": "f"},
                        "cache_control": {"type": "ephemeral", "ttl": "1h"},
                    }
                ],
            },
            True,
        ),
    ],
)
def test_a_mark_for_an_hour_is_found_wherever_it_stands(fields: dict[str, Any], asks: bool) -> None:
    """It is dearer, so the bound has to know."""
    assert read(**fields).caches_for_an_hour() is asks
