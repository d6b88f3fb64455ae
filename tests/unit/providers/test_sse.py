"""The event stream decoder against the rules of the HTML standard, for every way to cut the bytes."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.providers.framing import PayloadTooLarge
from streamproc.providers.sse import SseDecoder
from tests.unit.providers.event_streams import events_of

LIMIT = 10_000


CASES = {
    "usual": (b'data: {"a":1}\n\ndata: [DONE]\n\n', [b'{"a":1}', b"[DONE]"]),
    "no space": (b"data:x\n\n", [b"x"]),
    "two spaces": (b"data:  x\n\n", [b" x"]),
    "several lines": (b"data: a\ndata: b\ndata\n\n", [b"a\nb\n"]),
    "empty data": (b"data:\n\n", [b""]),
    "empty field": (b"data\n\n", [b""]),
    "comment": (b": ping\n\n: pong\ndata: x\n\n", [b"x"]),
    "id, retry, unknown": (b"id: 1\nretry: 10\nfoo: bar\n\ndata: x\nid\n\n", [b"x"]),
    "a name": (b"event: a\ndata: x\n\nevent: b\ndata:y\n\n", [b"x", b"y"]),
    "a name and several lines": (b"event: a\ndata: x\ndata: y\n\n", [b"x\ny"]),
    "a name and empty data": (b"event: a\ndata: \n\nevent: b\ndata\n\n", [b"", b""]),
    "a name, more and data": (b"event: a\nid: 1\ndata: x\n\n", [b"x"]),
    "a name that looks like data": (b"event: data: x\ndata: y\n\n", [b"y"]),
    "only an event name": (b"event: a\n\ndata: x\n\n", [b"x"]),
    "crlf": (b"data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n", [b"a\nb", b"c"]),
    "cr": (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
    "cr inside an event that ends in lf": (b"data: x\n\ndata: a\rdata: b\n\n", [b"x", b"a\nb"]),
    "mixed ends": (b"data: a\r\n\ndata: b\n\r\n\rdata: c\r\r\n", [b"a", b"b", b"c"]),
    "byte order mark": (b"\xef\xbb\xbfdata: x\n\n", [b"x"]),
    "second mark": (b"\xef\xbb\xbf\xef\xbb\xbfdata: x\n\ndata: y\n\n", [b"y"]),
    "line separator": ("data: a\u2028b\u0085c\n\n".encode(), ["a\u2028b\u0085c".encode()]),
    "many blank lines": (b"\n\n\n\ndata: a\n\n\n\n\ndata: b\n\n", [b"a", b"b"]),
    "unfinished": (b"data: a\n\ndata: b\n", [b"a"]),
    "data inside a name": (b"datax: a\n data: b\n\n", []),
    "colon first": (b":data: a\n\n", []),
}


def cut(stream: bytes, cuts: list[int]) -> list[bytes]:
    """The stream in pieces."""
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    return [stream[left:right] for left, right in pairwise(edges)]


def fed(chunks: list[bytes]) -> list[bytes]:
    """What comes out of these pieces."""
    decoder = SseDecoder(LIMIT)
    return [data for chunk in chunks for data in decoder.feed(chunk)]


@pytest.mark.parametrize("case", CASES)
def test_case_of_the_standard_whole_and_cut_at_every_two_places(case: str) -> None:
    """What comes out does not depend on the cuts, and is what the standard says."""
    stream, expected = CASES[case]
    assert [data for _, data in events_of(stream)] == expected
    for first in range(len(stream) + 1):
        for second in range(first, len(stream) + 1):
            assert fed(cut(stream, [first, second])) == expected
    assert fed([stream[i : i + 1] for i in range(len(stream))]) == expected


PIECES = st.sampled_from(
    [b"data: ", b"data:", b"data", b"event: ", b"id: 1", b": ", b"x", b"\xc3\xa9", b"\xe2\x80\xa8", b"\xef\xbb\xbf"]
    + [b"\n"] * 4
    + [b"\n\n"] * 4
    + [b"\r", b"\r\n", b"\r\n\r\n"]
)
STREAMS = st.lists(PIECES, max_size=40).map(b"".join)


@given(stream=STREAMS, cuts=st.lists(st.integers(0, 200), max_size=12))
def test_any_bytes_cut_anywhere(stream: bytes, cuts: list[int]) -> None:
    """The decoder agrees with the standard's algorithm, with and without event names."""
    expected = events_of(stream)
    chunks = cut(stream, cuts)
    assert fed(chunks) == [data for _, data in expected]
    named = SseDecoder(LIMIT)
    assert [event for chunk in chunks for event in named.feed_named(chunk)] == expected


@pytest.mark.parametrize("step", [1, 7, 64, 1000])
def test_event_above_the_limit(step: int) -> None:
    """An event that does not end is given up at the limit, in whatever pieces it comes."""
    decoder = SseDecoder(100)
    stream = b"data: a\n\ndata: " + b"x" * 200
    with pytest.raises(PayloadTooLarge, match="100 bytes"):
        _ = [decoder.feed(stream[at : at + step]) for at in range(0, len(stream), step)]


def test_whole_event_above_the_limit() -> None:
    """The limit holds also for an event that comes in one piece, alone or with others."""
    with pytest.raises(PayloadTooLarge):
        SseDecoder(100).feed(b"data: " + b"x" * 200 + b"\n\n")
    later = SseDecoder(100)
    later.feed(b"data: a\n\n")
    with pytest.raises(PayloadTooLarge):
        later.feed(b"data: " + b"x" * 200 + b"\n\n")


def test_many_events_together_are_longer_than_one_may_be() -> None:
    """The limit counts each event for itself, and starts anew after each."""
    decoder = SseDecoder(100)
    assert len(decoder.feed(b"data: " + b"x" * 80 + b"\n\n")) == 1
    assert len(decoder.feed((b"data: " + b"x" * 80 + b"\n\n") * 50 + b"data: " + b"y" * 80)) == 50
    assert decoder.feed(b"\n\n") == [b"y" * 80]
