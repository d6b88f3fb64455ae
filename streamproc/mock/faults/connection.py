"""Faults of the connection: it closes, is reset, or says nothing more."""

from collections.abc import Callable
from dataclasses import replace

from streamproc.mock.faults.draft import Draft, Ending, Event
from streamproc.mock.faults.fault import AFTER_TOKENS, Disturbing, Fault

__all__ = ["CONNECTION", "up_to"]


def up_to(draft: Draft, tokens: int) -> Draft:
    """The response until so many words are written, and nothing behind them; of a whole one, half of its body."""
    events: list[Event] = []
    words = 0
    for event in draft.events:
        words += event.kind == "word"
        if words > tokens or event.kind in {"closing", "body"}:
            break
        events.append(event)
    body = next((event.data for event in draft.events if event.kind == "body"), None)
    if body is None:
        return replace(draft, events=tuple(events))
    return replace(draft, events=(*events, Event(body[: len(body) // 2], kind="body")), length=len(body))


def _after_tokens(ending: Ending) -> Callable[[Draft, int], Draft]:
    def disturb(draft: Draft, tokens: int) -> Draft:
        return replace(up_to(draft, tokens), ending=ending, is_cut=True)

    return disturb


def _before_response(ending: Ending) -> Callable[[Draft, int], Draft]:
    def disturb(draft: Draft, number: int) -> Draft:
        del number
        pause = Event(b"", draft.answer.first_token_seconds)
        return replace(draft, events=(pause,), has_head=False, ending=ending, is_cut=True)

    return disturb


CONNECTION: tuple[Fault, ...] = (
    Disturbing(
        name="closefirst",
        sentence="the connection closes before any byte of the response",
        disturb=_before_response("close"),
    ),
    Disturbing(
        name="resetfirst",
        sentence="the connection is reset before any byte of the response",
        disturb=_before_response("reset"),
    ),
    Disturbing(
        name="silent",
        sentence="no byte of the response ever comes",
        disturb=_before_response("hang"),
        is_mixed=False,
    ),
    Disturbing(
        name="cut",
        sentence="the connection closes without the end marks; of a whole answer, half of the body came",
        number=AFTER_TOKENS,
        disturb=_after_tokens("close"),
    ),
    Disturbing(
        name="reset",
        sentence="the connection is reset in the middle",
        number=AFTER_TOKENS,
        disturb=_after_tokens("reset"),
    ),
    Disturbing(
        name="stall",
        sentence="nothing more comes, and the connection stays open",
        number=AFTER_TOKENS,
        disturb=_after_tokens("hang"),
        is_mixed=False,
    ),
)
