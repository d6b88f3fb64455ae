"""Text completions, on the way in: chunks of a stream, or one whole completion, become events of the chain."""

from collections.abc import Iterable
from typing import Any

from streamproc.chain.provider import Event, Text
from streamproc.providers.fields import text
from streamproc.providers.openai_choices import ChoicesAnswer
from streamproc.providers.origin import Origin

__all__ = ["completions_answer"]


def completions_answer(origin: Origin) -> ChoicesAnswer:
    """An answer of which nothing has come yet."""
    return ChoicesAnswer(origin, _events, _events, text_mark=b'"text":')


def _events(choice: dict[str, Any]) -> Iterable[Event]:
    piece = text(choice.get("text"))
    return () if piece is None else (Text(piece),)
