"""What must be seen of each fault that disturbs an answer."""

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType

import pytest

from streamproc.mock.shapes.table import SHAPES
from tests.unit.mock.reading import Told, told
from tests.unit.mock.wire import Shown

__all__ = ["CHECKS", "complete"]

Check = Callable[[Shown], None]


def complete(shown: Shown) -> Told:
    """Checks that all came well and stands on the bill; gives what was told."""
    assert (shown.status, shown.end, shown.is_whole, shown.call.outcome) == (200, "end", True, "completed")
    assert shown.call.output_tokens == (5 if "embed" not in shown.path else 0)
    found = told(shown)
    assert found.marks == 1
    assert found.words == shown.call.output_tokens
    return found


def two_words(shown: Shown) -> None:
    """Checks that the answer broke off after two words."""
    assert not shown.is_whole
    assert shown.call.output_tokens == (2 if "embed" not in shown.path else 0)
    if shown.is_streamed:
        found = told(shown)
        assert (found.words, found.finishes, found.marks) == (2, (), 0)
    elif "content-length" in shown.headers:
        assert 0 < len(shown.body) < int(shown.headers["content-length"])


def _nothing(shown: Shown) -> None:
    assert (shown.raw, shown.call.output_tokens) == (b"", 0)
    assert (shown.end, shown.call.outcome) in {("end", "cut"), ("reset", "cut"), ("open", "cancelled")}


def _closed_first(shown: Shown) -> None:
    _nothing(shown)
    assert shown.end == "end"


def _reset_first(shown: Shown) -> None:
    _nothing(shown)
    assert shown.end == "reset"


def _silent(shown: Shown) -> None:
    _nothing(shown)
    assert shown.end == "open"


def _cut(shown: Shown) -> None:
    two_words(shown)
    assert (shown.end, shown.call.outcome) == ("end", "cut")


def _reset(shown: Shown) -> None:
    two_words(shown)
    assert (shown.end, shown.call.outcome) == ("reset", "cut")


def _stalled(shown: Shown) -> None:
    two_words(shown)
    assert (shown.end, shown.call.outcome) == ("open", "cancelled")


def _error_inside(shown: Shown) -> None:
    assert (shown.status, shown.end, shown.is_whole, shown.call.outcome) == (200, "end", True, "cut")
    if shown.is_streamed:
        found = told(shown)
        assert (found.words, found.finishes, found.marks) == (2, (), 0)
        assert shown.call.output_tokens == 2
        error = found.error
    else:
        error = shown.json["error"]
    if shown.path.startswith("/api"):
        assert "unexpected EOF" in error
    elif shown.path == "/v1/messages":
        assert error["type"] == "overloaded_error"
        assert not shown.is_streamed or shown.events()[-1][0] == "error"
    else:
        assert error["code"] == "server_error"
        assert shown.path != "/v1/responses" or not shown.is_streamed or shown.events()[-1][0] == "error"


def _failed(shown: Shown) -> None:
    assert (shown.is_whole, shown.call.outcome, shown.call.output_tokens) == (True, "cut", 2)
    found = told(shown)
    assert shown.events()[-1][0] == "response.failed"
    assert (found.error["code"], found.usage, found.marks) == ("server_error", None, 0)


def _bad_json(shown: Shown) -> None:
    assert (shown.is_whole, shown.call.outcome) == (True, "completed")
    if not shown.is_streamed:
        with pytest.raises(json.JSONDecodeError):
            json.loads(shown.body)
        return
    marks = sum(data == b"[DONE]" for _, data in shown.events())
    assert len(shown.objects()) == len(shown.events()) - marks - 1
    found = told(shown)
    assert (found.words, found.marks, shown.call.output_tokens) == (4, 1, 5)


def _bad_text(shown: Shown) -> None:
    assert (shown.is_whole, shown.call.outcome, shown.call.output_tokens) == (True, "completed", 5)
    with pytest.raises(UnicodeDecodeError):
        shown.body.decode()
    shown.body = shown.body.replace(b" \xff\xfe\xc3(", b" read")
    assert told(shown).words == 5


def _split_text(shown: Shown) -> None:
    assert "grüß" in complete(shown).text
    says_it_again = shown.is_streamed and shown.path == "/v1/responses"  # in four events at the end
    assert shown.body.count("grüß".encode()) == (5 if says_it_again else 1)
    assert sum(chunk.endswith(b"\xc3") for chunk in shown.chunks) == int(shown.is_streamed)


def _long_line(shown: Shown) -> None:
    complete(shown)
    assert max(map(len, shown.body.split(b"\n"))) > 5_000_000


def _unknown_event(shown: Shown) -> None:
    found = shown.events()
    place = next(
        place
        for place, (_, data) in enumerate(found)
        if b"mock" in data and b"unknown" in data and b"model" not in data
    )
    assert b"[DONE]" not in b"".join(data for _, data in found[:place])
    shown.body = shown.body.replace(SHAPES[shown.path].unknown, b"", 1)
    assert complete(shown).finishes


def _retry_only(shown: Shown) -> None:
    assert shown.body.count(b"\n\nretry: 3000\n\n") == 1
    complete(shown)


def _no_mark(shown: Shown) -> None:
    assert (shown.is_whole, shown.end, shown.call.outcome, shown.call.output_tokens) == (True, "end", "cut", 5)
    found = told(shown)
    has_finish_event = "completions" in shown.path or shown.path == "/v1/messages"
    assert (found.words, found.marks, len(found.finishes)) == (5, 0, int(has_finish_event))


def _two_finishes(shown: Shown) -> None:
    found = told(shown)
    assert (shown.is_whole, shown.call.outcome, len(found.finishes), found.words) == (True, "completed", 2, 5)


def _text_after(shown: Shown) -> None:
    assert (shown.is_whole, shown.call.outcome, shown.call.output_tokens) == (True, "completed", 5)
    found = told(shown)
    assert (found.words, found.text.endswith(" late"), len(found.finishes), found.marks) == (6, True, 1, 1)
    marks = (b'"finish_reason":"stop"', b'"stop_reason":"end_turn"', b'"done_reason":"stop"', b": response.completed")
    assert max(map(shown.body.find, marks)) < shown.body.index(b'" late"')


def _no_usage(shown: Shown) -> None:
    assert complete(shown).usage == "missing"
    assert shown.call.input_tokens == 5


def _null_usage(shown: Shown) -> None:
    assert complete(shown).usage is None


def _odd_usage(shown: Shown) -> None:
    usage = complete(shown).usage
    assert any(isinstance(figure, str | float) for figure in usage.values())
    assert "5" in usage.values()


def _no_finish(shown: Shown) -> None:
    assert complete(shown).finishes == ()


def _bad_chunk(shown: Shown) -> None:
    assert shown.raw.endswith(b"zz\r\nno length\r\n")
    assert shown.headers["transfer-encoding"] == "chunked"
    two_words(shown)
    assert (shown.end, shown.call.outcome) == ("end", "cut")


def _zipped(shown: Shown) -> None:
    assert shown.headers["content-encoding"] == "gzip"
    assert shown.body.startswith(b"\x1f\x8b")
    complete(shown)


def _plain_type(shown: Shown) -> None:
    assert shown.headers["content-type"].startswith("text/plain")
    complete(shown)


def _dripped(shown: Shown) -> None:
    assert (shown.status, shown.end, shown.call.outcome) == (200, "open", "cancelled")
    assert len(shown.raw.partition(b"\r\n\r\n")[2]) <= 1


def _pinged(shown: Shown) -> None:
    found = told(shown)
    assert (shown.end, shown.call.outcome, found.words, found.marks) == ("open", "cancelled", 3, 0)
    assert shown.chunks[-3:] == (SHAPES[shown.path].ping,) * 3


CHECKS: Mapping[str, tuple[str, Check]] = MappingProxyType(
    {
        "closefirst": ("closefirst", _closed_first),
        "resetfirst": ("resetfirst", _reset_first),
        "silent": ("silent", _silent),
        "cut": ("cut2", _cut),
        "reset": ("reset2", _reset),
        "stall": ("stall2", _stalled),
        "error": ("error2", _error_inside),
        "failed": ("failed2", _failed),
        "badjson": ("badjson2", _bad_json),
        "badtext": ("badtext2", _bad_text),
        "splittext": ("splittext2", _split_text),
        "longline": ("longline2", _long_line),
        "unknown": ("unknown2", _unknown_event),
        "retryonly": ("retryonly2", _retry_only),
        "nomark": ("nomark", _no_mark),
        "twofinish": ("twofinish", _two_finishes),
        "textafter": ("textafter", _text_after),
        "nousage": ("nousage", _no_usage),
        "nullusage": ("nullusage", _null_usage),
        "oddusage": ("oddusage", _odd_usage),
        "nofinish": ("nofinish", _no_finish),
        "badchunk": ("badchunk2", _bad_chunk),
        "gzip": ("gzip", _zipped),
        "plaintype": ("plaintype", _plain_type),
        "drip": ("drip5000", _dripped),
        "pings": ("pings1", _pinged),
    }
)
"""Each fault as a model's name asks for it, and what must be seen."""
