"""What a request asks for, as far as the mock provider cares, whatever its API shape."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from streamproc.mock.answer import Vectors

__all__ = ["Asked", "asks_for_usage", "count_words", "limit_in", "parse_object", "some_messages"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request.

    Attributes:
        shape: name of the API shape it came in.
        model: the model's name.
        input_tokens: by `count_words`.
        max_tokens: limit of the answer's tokens, or None.
        is_streamed: whether events are asked for.
        wants_usage: whether the answer shall tell its usage.
        request_hash: the sha256 of the body's bytes, in hexadecimal.
        only_loads: Ollama: an empty prompt, which only loads the model.
        vectors: embeddings only.
    """

    shape: str
    model: str
    input_tokens: int
    max_tokens: int | None
    is_streamed: bool
    wants_usage: bool
    request_hash: str
    only_loads: bool = False
    vectors: Vectors | None = None


def parse_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a request.

    Raises:
        ValueError: it is none, or names no model; the message says why.
    """
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise ValueError(f"We could not parse the JSON body of your request: {exc}") from exc
    if not isinstance(asked, dict) or not isinstance(asked.get("model"), str):
        raise ValueError("you must provide a model parameter")  # noqa: TRY004 the input is wrong, not our call
    return asked


def count_words(*contents: object) -> int:
    """The mock's own count of input tokens, for all shapes: white-space separated words of all texts, at least 1.

    Texts are strings, and in objects (messages, parts, tool results) the fields `content`, `text` and `output`.
    """
    return max(1, sum(len(text.split()) for text in _texts(contents)))


def _texts(content: object) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, list | tuple):
        for part in content:
            yield from _texts(part)
    elif isinstance(content, dict):
        for name in ("content", "text", "output"):
            yield from _texts(content.get(name))


def some_messages(asked: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages.

    Raises:
        ValueError: there are none.
    """
    messages = asked.get("messages")
    if not isinstance(messages, list) or not messages or not all(isinstance(message, dict) for message in messages):
        raise ValueError("'messages' must be a non-empty array of objects")
    return messages


def limit_in(asked: dict[str, Any], *names: str) -> int | None:
    """The first of these fields that is set.

    Raises:
        ValueError: it is no number from 1 on.
    """
    limit = next((asked[name] for name in names if name in asked), None)
    if limit is not None and (type(limit) is not int or limit < 1):
        raise ValueError("the maximum of tokens must be an integer of at least 1")
    return limit


def asks_for_usage(asked: dict[str, Any]) -> bool:
    """Whether a stream shall tell its usage, in OpenAI's older shapes; a whole answer always does."""
    options = asked.get("stream_options")
    is_wanted = isinstance(options, dict) and options.get("include_usage") is True
    return is_wanted or asked.get("stream") is not True
