"""Items of Responses: a conversation on its way out, and whole items of an answer on their way in.

A reasoning item comes back in a tool loop with its id and its encrypted content, which are one signature here: the id,
a space, the content. The shapes are those of https://platform.openai.com/docs/api-reference/responses/create.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from streamproc.chain.provider import Event, Reasoning, Text, ToolCallPart
from streamproc.providers.fields import text
from streamproc.providers.refusal import unsupported
from streamproc.records.message import Message, ReasoningText, RedactedReasoning, TextPart

__all__ = ["input_items", "output_events", "signature"]


def input_items(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """The conversation as input items.

    Raises:
        InvalidRequest: a message holds what this API cannot express.
    """
    return [item for message in messages for item in _items(message)]


def output_events(item: dict[str, Any], tool_index: int) -> Iterator[Event]:
    """Events of a whole output item; `tool_index` is the call's if it calls a function. Other kinds say nothing.

    Raises:
        AttributeError: and others of `SHAPE_FAULTS`, when it does not have the shape it should have.
    """
    match item.get("type"):
        case "message":
            for part in item.get("content") or ():
                if said := text(part.get("text") or part.get("refusal")):
                    yield Text(said)
        case "function_call":
            yield ToolCallPart(
                tool_index, text(item.get("call_id")), text(item.get("name")), text(item.get("arguments")) or ""
            )
        case "reasoning":
            for part in (*(item.get("summary") or ()), *(item.get("content") or ())):
                if thought := text(part.get("text")):
                    yield Reasoning(thought)
            if proof := signature(item):
                yield Reasoning("", proof)


def signature(item: dict[str, Any]) -> str | None:
    """What a reasoning item has to be sent back with; None when its content was not asked for."""
    encrypted = text(item.get("encrypted_content"))
    return None if encrypted is None else f"{text(item.get('id')) or ''} {encrypted}"


def _items(message: Message) -> Iterator[dict[str, Any]]:
    if message.name is not None:
        raise unsupported("messages: a message has no name in Responses; leave it out")
    if message.role == "tool":
        yield {"type": "function_call_output", "call_id": message.tool_call_id, "output": _parts(message) or ""}
        return
    for thought in message.reasoning or ():
        yield _reasoning(thought)
    if message.role == "assistant":
        if said := _said(message):
            yield {"role": "assistant", "content": said}
    else:
        yield {"role": message.role, "content": _parts(message) or ""}
    for call in message.tool_calls or ():
        yield {
            "type": "function_call",
            "call_id": call.id,
            "name": call.function.name,
            "arguments": call.function.arguments,
        }


def _said(message: Message) -> str:
    # Parts of an earlier answer would need the ids of their items; its text alone needs none.
    if isinstance(message.content, str):
        return message.content
    texts = []
    for part in message.content or ():
        if not isinstance(part, TextPart):
            raise unsupported("messages: an assistant's message has no images in Responses")
        texts.append(part.text)
    return "".join(texts)


def _parts(message: Message) -> str | list[dict[str, Any]] | None:
    if message.content is None or isinstance(message.content, str):
        return message.content
    return [
        {"type": "input_text", "text": part.text}
        if isinstance(part, TextPart)
        else {"type": "input_image", "image_url": part.image_url.url, "detail": part.image_url.detail or "auto"}
        for part in message.content
    ]


def _reasoning(thought: ReasoningText | RedactedReasoning) -> dict[str, Any]:
    if isinstance(thought, RedactedReasoning) or thought.signature is None:
        raise unsupported("messages: Responses takes reasoning back only with the signature it came with")
    item_id, separator, encrypted = thought.signature.partition(" ")
    if not separator:
        raise unsupported("messages: a reasoning's signature is not one of Responses")
    return {
        "type": "reasoning",
        **({"id": item_id} if item_id else {}),
        "summary": [{"type": "summary_text", "text": thought.text}] if thought.text else [],
        "encrypted_content": encrypted,
    }
