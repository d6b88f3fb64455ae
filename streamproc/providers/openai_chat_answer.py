"""Chat Completions, on the way in: chunks of a stream, or one whole completion, become events of the chain."""

from collections.abc import Iterable, Iterator
from typing import Any

from streamproc.chain.provider import Event, Reasoning, Text, ToolCallPart
from streamproc.providers.fields import text
from streamproc.providers.openai_choices import ChoicesAnswer
from streamproc.providers.origin import Origin

__all__ = ["chat_answer"]


def chat_answer(origin: Origin) -> ChoicesAnswer:
    """An answer of which nothing has come yet. A refusal's text is given as `Text`, under the finish reason it has."""
    return ChoicesAnswer(origin, _of_chunk, _of_whole, text_mark=b'"content":')


def _of_chunk(choice: dict[str, Any]) -> Iterable[Event]:
    delta = choice.get("delta")
    if not delta:
        return ()
    if len(delta) == 1 and type(content := delta.get("content")) is str and content:
        return (Text(content),)  # nearly every chunk
    return _events(delta)


def _of_whole(choice: dict[str, Any]) -> Iterable[Event]:
    message = choice.get("message")
    return _events(message) if message else ()


def _events(piece: dict[str, Any]) -> Iterator[Event]:
    if thought := text(piece.get("reasoning_content") or piece.get("reasoning")):
        yield Reasoning(thought)
    if content := text(piece.get("content")):
        yield Text(content)
    if refusal := text(piece.get("refusal")):
        yield Text(refusal)
    if calls := piece.get("tool_calls"):
        yield from _tool_calls(calls)


def _tool_calls(calls: Any) -> Iterator[ToolCallPart]:
    for position, call in enumerate(calls):
        index = call.get("index")
        function = call.get("function") or {}
        yield ToolCallPart(
            index if type(index) is int else position,  # whole calls, and some servers' parts, have no index
            text(call.get("id")),
            text(function.get("name")),
            text(function.get("arguments")) or "",
        )
