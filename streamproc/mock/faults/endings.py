"""Faults at the end of a stream: marks that are missing, come twice, or are followed by text."""

from dataclasses import replace

from streamproc.mock.faults.draft import Draft, Event
from streamproc.mock.faults.fault import Disturbing, Fault
from streamproc.mock.shapes.shape import Closing

__all__ = ["ENDINGS"]


def _ending_with(draft: Draft, *events: bytes) -> Draft:
    kept = tuple(event for event in draft.events if event.kind != "closing")
    return replace(draft, events=(*kept, *(Event(data, kind="closing") for data in events)))


def _closing(draft: Draft) -> Closing:
    return draft.shape.close(draft.answer, draft.tokens)


def _no_mark(draft: Draft, number: int) -> Draft:
    del number
    closing = _closing(draft)
    return replace(_ending_with(draft, *closing.before, *closing.finish, *closing.usage), is_cut=True)


def _two_finishes(draft: Draft, number: int) -> Draft:
    del number
    closing = _closing(draft)
    twice = closing.finish * 2 or closing.mark
    return _ending_with(draft, *closing.before, *twice, *closing.usage, *closing.mark)


def _text_after(draft: Draft, number: int) -> Draft:
    del number
    closing = _closing(draft)
    late = draft.shape.words(draft.answer).event(b'" late"', draft.tokens)
    marks = closing.finish or closing.mark, closing.usage + closing.mark if closing.finish else ()
    return _ending_with(draft, *closing.before, *marks[0], late, *marks[1])


ENDINGS: tuple[Fault, ...] = (
    Disturbing(
        name="nomark",
        sentence="the body ends well, but without the end mark; a finish reason of its own event was there",
        scope="stream",
        disturb=_no_mark,
    ),
    Disturbing(
        name="twofinish",
        sentence="the finish reason comes twice",
        scope="stream",
        disturb=_two_finishes,
    ),
    Disturbing(
        name="textafter",
        sentence="a word that is on no bill comes after the finish reason",
        scope="stream",
        disturb=_text_after,
    ),
)
