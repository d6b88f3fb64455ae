"""Headers: what is read from a sender, and what we write."""

import pytest

from streamproc.errors import InvalidRequest
from streamproc.records.headers import check_request_headers, event_headers, replay_of, trace_of

TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("ce_type", b"streamproc.request.v1"),),
        (("ce_type", b"streamproc.request.v1"), ("content-type", b"application/json; charset=utf-8")),
        (("content-type", b"APPLICATION/JSON"),),
        (("content-type", b"application/cloudevents+json"),),
        (("x-own", b"\xff\xfe"), ("x-none", None)),
    ],
)
def test_a_request_may_have_headers_or_none(headers: tuple[tuple[str, bytes | None], ...]) -> None:
    """No headers at all, our own, or those of another program."""
    check_request_headers(headers)


@pytest.mark.parametrize(
    ("header", "code", "words"),
    [
        (("ce_type", b"streamproc.request.v2"), "unknown_version", "version 2"),
        (("ce_type", b"streamproc.request.v10"), "unknown_version", "version 10"),
        (("ce_type", b"streamproc.request.v1\n"), "unknown_type", "ce_type"),
        (("ce_type", b"streamproc.request.v" + "١".encode()), "unknown_type", "ce_type"),
        (("ce_type", b"streamproc.result.v1"), "unknown_type", "streamproc.result.v1"),
        (("ce_type", b"\xff" * 5000), "unknown_type", "ce_type"),
        (("ce_type", None), "unknown_type", "ce_type"),
        (("content-type", b"text/plain"), "unknown_type", "text/plain"),
        (("content-type", None), "unknown_type", "content-type"),
    ],
)
def test_headers_of_something_else_are_refused(header: tuple[str, bytes | None], code: str, words: str) -> None:
    """Another version, another kind of event, another content type: each with its code and a short sentence."""
    with pytest.raises(InvalidRequest) as caught:
        check_request_headers([header])
    assert caught.value.code == code
    assert words in str(caught.value)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "value",
    [None, b"", TRACE + b"\n", TRACE.upper(), TRACE[:-1], b" " + TRACE, TRACE + b"-00", b"00-xyz-1-01", b"\xff" * 55],
)
def test_a_damaged_trace_context_is_not_passed_on(value: bytes | None) -> None:
    """It would be written into headers of ours."""
    assert trace_of([("traceparent", value)]) is None


def test_a_trace_context_is_passed_on() -> None:
    """The first well formed one, beside whatever else there is."""
    assert trace_of([("x", b"1"), ("traceparent", b"?"), ("traceparent", TRACE), ("traceparent", b"?")]) == TRACE
    assert trace_of([]) is None


def test_our_headers_are_cloudevents_in_binary_mode() -> None:
    """Version, id, type, source, time and content type; the trace only where there is one."""
    headers = dict(event_headers("result", "r/0/1@1", "2026-01-31T12:00:00Z", None))
    assert headers == {
        "ce_specversion": b"1.0",
        "ce_id": b"r/0/1@1",
        "ce_type": b"streamproc.result.v1",
        "ce_source": b"/streamproc",
        "ce_time": b"2026-01-31T12:00:00Z",
        "content-type": b"application/json",
    }
    assert event_headers("usage", "u", "t", TRACE)[-1] == ("traceparent", TRACE)


def test_a_header_of_ours_is_read_by_us() -> None:
    """What the client writes, the worker takes."""
    check_request_headers(event_headers("request", "a", "t", None))


def test_a_replay_names_the_run_it_repeats() -> None:
    """A run id is taken, anything else is as if it was not there."""
    assert replay_of([("x", b""), ("replay_of", b"t/0/1@5")]) == "t/0/1@5"
    for value in (None, b"", b"t/0/1", b"\xff\xfe", b"t/0/1@5\n"):
        assert replay_of([("replay_of", value)]) is None
    assert replay_of([]) is None
