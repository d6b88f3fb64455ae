"""Faults in single events of a stream, or in the text of a whole answer."""

from collections.abc import Callable
from dataclasses import replace

from streamproc.mock.answer import Answer
from streamproc.mock.api_error import ApiError
from streamproc.mock.faults.connection import up_to
from streamproc.mock.faults.draft import Draft, Event
from streamproc.mock.faults.fault import AFTER_TOKENS, Disturbing, Fault
from streamproc.mock.shapes.openai_responses import failed_event

__all__ = ["CONTENT", "with_word"]

_MARK = "wordtobereplaced"
_LONG_BYTES = 5_000_000
_BETWEEN_PACKETS_SECONDS = 0.05
_GREETING = " grüß".encode()
_RETRY = b"retry: 3000\n\n"


def _place(draft: Draft, tokens: int) -> int:
    return max(0, min(tokens, draft.tokens - 1))


def with_word(draft: Draft, tokens: int, word: bytes) -> Draft:
    """The word after so many others is these bytes instead, which stand inside of a JSON string; also at the end."""
    if draft.tokens == 0:
        return draft
    place = _place(draft, tokens)
    marked = replace(draft.answer, odd_word=(place, _MARK))
    swapped = dict(zip(_repeating(draft, draft.answer), _repeating(draft, marked), strict=True))
    if draft.is_streamed:
        draft = _with_event(draft, place, draft.shape.words(draft.answer).event(b'"%b"' % word, place))
    changed = (swapped.get(event.data, event.data).replace(b" " + _MARK.encode(), word) for event in draft.events)
    return replace(
        draft, events=tuple(replace(event, data=data) for event, data in zip(draft.events, changed, strict=True))
    )


def _repeating(draft: Draft, answer: Answer) -> tuple[bytes, ...]:
    """The events that may hold the whole text."""
    if draft.is_streamed:
        return draft.shape.close(answer, draft.tokens).events()
    return (draft.shape.body(answer, draft.tokens),)


def _word_places(draft: Draft) -> list[int]:
    return [place for place, event in enumerate(draft.events) if event.kind == "word"]


def _with_event(draft: Draft, tokens: int, data: bytes) -> Draft:
    place = _word_places(draft)[tokens]
    changed = replace(draft.events[place], data=data)
    return replace(draft, events=(*draft.events[:place], changed, *draft.events[place + 1 :]))


def _bad_json(draft: Draft, tokens: int) -> Draft:
    if not draft.is_streamed:
        body = draft.events[-1].data
        return replace(draft, events=(*draft.events[:-1], Event(body[: len(body) // 2], kind="body")))
    if draft.tokens == 0:
        return draft
    place = _place(draft, tokens)
    data = draft.events[_word_places(draft)[place]].data
    content = data.rstrip(b"\n")
    return _with_event(draft, place, content[: -len(content) // 4] + data[len(content) :])


def _bad_text(draft: Draft, tokens: int) -> Draft:
    return with_word(draft, tokens, b" \xff\xfe\xc3(")


def _long_line(draft: Draft, tokens: int) -> Draft:
    return with_word(draft, tokens, b" " + b"x" * _LONG_BYTES)


def _split_text(draft: Draft, tokens: int) -> Draft:
    """The bytes of one character come in two packets."""
    changed = with_word(draft, tokens, _GREETING)
    place = next((place for place, event in enumerate(changed.events) if _GREETING in event.data), None)
    if place is None:
        return changed
    event = changed.events[place]
    split = event.data.index(_GREETING) + _GREETING.index(b"\xc3") + 1
    halves = (
        replace(event, data=event.data[:split], tokens=0, kind="other"),
        replace(event, data=event.data[split:], wait_seconds=_BETWEEN_PACKETS_SECONDS),
    )
    return replace(changed, events=(*changed.events[:place], *halves, *changed.events[place + 1 :]))


def _before_word(data: Callable[[Draft], bytes]) -> Callable[[Draft, int], Draft]:
    def disturb(draft: Draft, tokens: int) -> Draft:
        place = next(iter(_word_places(draft)[tokens : tokens + 1]), len(draft.events) - 1)
        return replace(draft, events=(*draft.events[:place], Event(data(draft)), *draft.events[place:]))

    return disturb


def _unknown(draft: Draft) -> bytes:
    return draft.shape.unknown


def _retry(draft: Draft) -> bytes:
    del draft
    return _RETRY


def _error(draft: Draft, tokens: int) -> Draft:
    if not draft.is_streamed:
        body = draft.shape.dialect.render(draft.shape.dialect.troubles["broke"], draft.answer.id)
        return replace(draft, events=(*draft.events[:-1], Event(body, kind="body")), is_cut=True)
    return _told_in_stream(draft, tokens, draft.shape.stream_error)


def _failed(draft: Draft, tokens: int) -> Draft:
    return _told_in_stream(draft, tokens, failed_event)


def _told_in_stream(draft: Draft, tokens: int, render: Callable[[Answer, int, ApiError], bytes]) -> Draft:
    before = up_to(draft, tokens)
    error = draft.shape.dialect.troubles["broke"]
    event = Event(render(draft.answer, min(tokens, draft.tokens), error))
    return replace(before, events=(*before.events, event), is_cut=True)


CONTENT: tuple[Fault, ...] = (
    Disturbing(
        name="error",
        sentence="an error inside the stream with status 200, in the API's own form; then the stream ends",
        number=AFTER_TOKENS,
        disturb=_error,
    ),
    Disturbing(
        name="failed",
        sentence="`response.failed` inside the stream; then the stream ends",
        scope="responses",
        number=AFTER_TOKENS,
        disturb=_failed,
    ),
    Disturbing(
        name="badjson",
        sentence="JSON that breaks off in one event or line, or in the body; the rest comes",
        number=AFTER_TOKENS,
        disturb=_bad_json,
    ),
    Disturbing(
        name="badtext",
        sentence="bytes that are no UTF-8 in one word",
        scope="text",
        number=AFTER_TOKENS,
        disturb=_bad_text,
    ),
    Disturbing(
        name="splittext",
        sentence="a character of two bytes, split over two packets; no fault for who reads rightly",
        scope="text",
        number=AFTER_TOKENS,
        disturb=_split_text,
    ),
    Disturbing(
        name="longline",
        sentence="a word of 5 MB in one line",
        scope="text",
        number=AFTER_TOKENS,
        disturb=_long_line,
    ),
    Disturbing(
        name="unknown",
        sentence="an event of a type that no document names; the rest comes",
        scope="stream",
        number=AFTER_TOKENS,
        disturb=_before_word(_unknown),
    ),
    Disturbing(
        name="retryonly",
        sentence="an event with nothing but `retry:`; the rest comes",
        scope="sse",
        number=AFTER_TOKENS,
        disturb=_before_word(_retry),
    ),
)
