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
    """The word after so many others is these bytes instead, which stand inside of a JSON string."""
    if draft.tokens == 0:
        return draft
    place = _place(draft, tokens)
    if draft.is_streamed:
        data = draft.shape.words(draft.answer).event(b'"%b"' % word, place)
        return _with_event(draft, place, data)
    words = draft.answer.text(draft.tokens).split()
    text = "".join(f" {word}" for word in (*words[:place], _MARK, *words[place + 1 :]))
    body = draft.shape.body(draft.answer, draft.tokens, text).replace(b" " + _MARK.encode(), word)
    return replace(draft, events=(*draft.events[:-1], Event(body, kind="body")))


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
    events: list[Event] = []
    for event in with_word(draft, tokens, _GREETING).events:
        start, found, rest = event.data.partition(_GREETING[:4])
        if found:
            events += [
                replace(event, data=start + found, tokens=0, kind="other"),
                replace(event, data=rest, wait_seconds=_BETWEEN_PACKETS_SECONDS),
            ]
        else:
            events.append(event)
    return replace(draft, events=tuple(events))


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
