"""What a chat request asks for, as far as the mock provider cares."""

import hashlib
from dataclasses import dataclass
from typing import Any

import orjson

__all__ = ["Asked", "count_words", "parse_chat"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A chat request. `request_hash` is the sha256 of the body's bytes, in hexadecimal."""

    model: str
    input_tokens: int
    max_tokens: int | None
    is_streamed: bool
    wants_usage: bool
    request_hash: str


def parse_chat(body: bytes) -> Asked:
    """Reads the body of a chat request. What does not change the mock's answer is not looked at.

    Raises:
        ValueError: the body is no chat request; the message says why.
    """
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise ValueError(f"We could not parse the JSON body of your request: {exc}") from exc
    if not isinstance(asked, dict) or not isinstance(asked.get("model"), str):
        raise ValueError("you must provide a model parameter")  # noqa: TRY004 the input is wrong, not our call
    messages = asked.get("messages")
    if not isinstance(messages, list) or not messages or not all(isinstance(message, dict) for message in messages):
        raise ValueError("'messages' must be a non-empty array of objects")
    limit = asked.get("max_completion_tokens", asked.get("max_tokens"))
    if limit is not None and (type(limit) is not int or limit < 1):
        raise ValueError("the maximum of tokens must be an integer of at least 1")
    options = asked.get("stream_options")
    return Asked(
        model=asked["model"],
        input_tokens=count_words(messages),
        max_tokens=limit,
        is_streamed=asked.get("stream") is True,
        wants_usage=isinstance(options, dict) and options.get("include_usage") is True,
        request_hash=hashlib.sha256(body).hexdigest(),
    )


def count_words(messages: list[dict[str, Any]]) -> int:
    """The mock's own count of input tokens: white-space separated words of all message texts, at least 1."""
    return max(1, sum(len(text.split()) for message in messages for text in _texts(message.get("content"))))


def _texts(content: object) -> list[str]:
    if isinstance(content, str):
        return [content]
    if not isinstance(content, list):
        return []
    texts = (part.get("text") for part in content if isinstance(part, dict))
    return [text for text in texts if isinstance(text, str)]
