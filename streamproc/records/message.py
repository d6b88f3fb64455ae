"""The message: one turn of a conversation, with its texts, images, tool calls and reasoning."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, StringConstraints, Tag

from streamproc.records.image import Image
from streamproc.records.shapes import Label, Strict

__all__ = [
    "CacheControl",
    "CalledFunction",
    "FunctionName",
    "ImagePart",
    "Message",
    "ReasoningText",
    "RedactedReasoning",
    "TextPart",
    "ToolCall",
]

FunctionName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Opaque = Annotated[str, StringConstraints(min_length=1)]


class CacheControl(Strict):
    """Asks the provider to keep the prompt up to here in its cache, five minutes (`5m`, its default) or an hour."""

    type: Literal["ephemeral"]
    ttl: Literal["5m", "1h"] | None = None


class TextPart(Strict):
    """A piece of a message's text."""

    type: Literal["text"]
    text: str
    cache_control: CacheControl | None = None


class ImagePart(Strict):
    """An image in a message."""

    type: Literal["image_url"]
    image_url: Image
    cache_control: CacheControl | None = None


def _kind(content: Any) -> str | None:
    if isinstance(content, str):
        return "text"
    return "parts" if isinstance(content, list) else None


Part = Annotated[TextPart | ImagePart, Field(discriminator="type")]
Content = Annotated[
    Annotated[str, Tag("text")] | Annotated[list[Part], Tag("parts")],
    Discriminator(_kind, custom_error_type="no_content", custom_error_message="must be a text or a list of parts"),
]


class ReasoningText(Strict):
    """Reasoning of an earlier answer, sent back as it came; `signature` is the provider's own proof of it."""

    text: str
    signature: Opaque | None = None


class RedactedReasoning(Strict):
    """Reasoning of an earlier answer that only the provider can read."""

    redacted: Opaque


class CalledFunction(Strict):
    """A function the model asked for; `arguments` is the model's own text, not always valid JSON."""

    name: FunctionName
    arguments: str


class ToolCall(Strict):
    """A tool call of an earlier answer, sent back as part of the conversation."""

    id: Label
    type: Literal["function"] = "function"
    function: CalledFunction


class Message(Strict):
    """One message of the conversation. `reasoning` is for an assistant's: providers want it back in tool loops."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Content | None = None
    reasoning: Annotated[list[ReasoningText | RedactedReasoning], Field(max_length=128)] | None = None
    name: FunctionName | None = None
    tool_calls: Annotated[list[ToolCall], Field(max_length=128)] | None = None
    tool_call_id: Label | None = None
