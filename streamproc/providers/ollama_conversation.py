"""A conversation in the form of Ollama's own API: messages of plain text, with images beside it.

Texts in parts are joined by line feeds. Marks for a prompt cache are dropped: the server keeps its own. So are the
`detail` of an image and the signature of reasoning, which mean nothing there.
"""

from collections.abc import Sequence
from typing import Any

from streamproc.providers.refusal import unsupported
from streamproc.providers.tool_arguments import arguments_of
from streamproc.records.image import data_of
from streamproc.records.message import ImagePart, Message, RedactedReasoning, TextPart

__all__ = ["conversation"]


def conversation(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """The messages.

    Raises:
        InvalidRequest: names what the API cannot be told.
    """
    names = {call.id: call.function.name for message in messages for call in message.tool_calls or ()}
    return [_message(message, names) for message in messages]


def _message(message: Message, names: dict[str, str]) -> dict[str, Any]:
    role = "system" if message.role == "developer" else message.role
    if role != "tool" and message.name is not None:
        raise unsupported("messages: Ollama's API has no names of participants; leave out name")
    said: dict[str, Any] = {"role": role, "content": _text(message)}
    if images := _images(message):
        said["images"] = images
    if message.reasoning is not None:
        if any(isinstance(part, RedactedReasoning) for part in message.reasoning):
            raise unsupported("messages: redacted reasoning can be read by the provider alone that wrote it")
        said["thinking"] = "".join(part.text for part in message.reasoning if not isinstance(part, RedactedReasoning))
    if message.tool_calls is not None:
        said["tool_calls"] = [
            {"id": call.id, "function": {"name": call.function.name, "arguments": arguments_of(call)}}
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        said["tool_call_id"] = message.tool_call_id
        if name := message.name or names.get(message.tool_call_id):
            said["tool_name"] = name
    return said


def _text(message: Message) -> str:
    content = message.content
    if content is None or isinstance(content, str):
        return content or ""
    return "\n".join(part.text for part in content if isinstance(part, TextPart))


def _images(message: Message) -> list[str]:
    parts = message.content if isinstance(message.content, list) else []
    return [_data(part.image_url.url) for part in parts if isinstance(part, ImagePart)]


def _data(url: str) -> str:
    found = data_of(url)
    if found is None:
        raise unsupported("messages: Ollama fetches no images; send them as data URLs")
    return found[1]
