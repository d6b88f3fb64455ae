"""A conversation in the form of Anthropic's Messages: turns of user and assistant, made of blocks.

What stands elsewhere there is moved: system messages, wherever they are, become the system prompt, in their order;
results of tools become blocks of the user's turn. Messages of one role that follow each other are one turn. The
`detail` of an image has no place there and is dropped: its tokens are counted by its size.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from streamproc.providers.refusal import unsupported
from streamproc.providers.tool_arguments import arguments_of
from streamproc.records.image import data_of
from streamproc.records.message import CacheControl, ImagePart, Message, ReasoningText, RedactedReasoning, TextPart

__all__ = ["cache_mark", "conversation"]

Block = dict[str, Any]


def conversation(messages: Sequence[Message]) -> tuple[list[Block], list[dict[str, Any]]]:
    """Blocks of the system prompt, and the turns.

    Raises:
        InvalidRequest: names what the API cannot be told.
    """
    system: list[Block] = []
    turns: list[dict[str, Any]] = []
    for message in messages:
        _check(message)
        if message.role in ("system", "developer"):
            system += _content(message)
            continue
        role = "assistant" if message.role == "assistant" else "user"
        if not (blocks := _blocks(message)):
            continue  # the API takes no empty blocks, and an empty message says nothing
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": role, "content": blocks})
    if not turns:
        raise unsupported("messages: Anthropic's API needs one that is not empty and not the system's")
    return system, turns


def cache_mark(mark: CacheControl | None) -> Block:
    """The field that marks a block or a tool for the prompt cache."""
    return {} if mark is None else {"cache_control": mark.model_dump(exclude_none=True)}


def _check(message: Message) -> None:
    role = message.role
    if role != "assistant" and (message.tool_calls or message.reasoning):
        raise unsupported(f"messages: tool_calls and reasoning belong to assistant messages, not to {role} messages")
    if (role == "tool") != (message.tool_call_id is not None):
        raise unsupported("messages: tool messages have a tool_call_id, and they alone")
    if role != "tool" and message.name is not None:
        raise unsupported("messages: Anthropic's API has no names of participants; leave out name")
    if role in ("system", "developer", "assistant") and any(
        isinstance(part, ImagePart) for part in message.content or ()
    ):
        raise unsupported(f"messages: Anthropic's API takes images of the user and of tools, not in {role} messages")


def _blocks(message: Message) -> list[Block]:
    content = _content(message)
    if message.role == "tool":
        result: Block = {"type": "tool_result", "tool_use_id": message.tool_call_id}
        return [{**result, "content": content} if content else result]
    calls = [
        {"type": "tool_use", "id": call.id, "name": call.function.name, "input": arguments_of(call)}
        for call in message.tool_calls or ()
    ]
    return [*_reasoning(message.reasoning or ()), *content, *calls]


def _reasoning(parts: Iterable[ReasoningText | RedactedReasoning]) -> Iterable[Block]:
    for part in parts:
        if isinstance(part, RedactedReasoning):
            yield {"type": "redacted_thinking", "data": part.redacted}
        elif part.signature is None:
            raise unsupported("messages: Anthropic's API takes reasoning back only with its signature")
        else:
            yield {"type": "thinking", "thinking": part.text, "signature": part.signature}


def _content(message: Message) -> list[Block]:
    content = message.content
    if content is None or isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return [_part(part) for part in content if isinstance(part, ImagePart) or part.text]


def _part(part: TextPart | ImagePart) -> Block:
    mark = cache_mark(part.cache_control)
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text, **mark}
    url = part.image_url.url
    if (found := data_of(url)) is None:
        return {"type": "image", "source": {"type": "url", "url": url}, **mark}
    kind, data = found
    return {"type": "image", "source": {"type": "base64", "media_type": f"image/{kind}", "data": data}, **mark}
