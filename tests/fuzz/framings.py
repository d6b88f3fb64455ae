"""The decoders: the same payloads for every cut, those that the rules of their format ask for, and a bound that holds."""

from collections.abc import Callable, Iterable

from streamproc.providers.framing import Decoder, PayloadTooLarge
from streamproc.providers.ndjson import NdjsonDecoder
from streamproc.providers.sse import SseDecoder
from tests.faults.cases.table import APIS
from tests.fuzz.target import CUT, Target, any_cut
from tests.unit.providers.event_streams import events_of

__all__ = ["NDJSON", "SSE"]

_LIMIT = 32
_LONGEST_SEED = 200


def _fed(decoder: Decoder, chunks: list[bytes]) -> list[bytes]:
    return [payload for chunk in chunks for payload in decoder.feed(chunk)]


def _bounded(decoder: Decoder, chunks: list[bytes]) -> list[bytes]:
    """What comes before a payload that is too long."""
    found: list[bytes] = []
    try:
        for chunk in chunks:
            found += decoder.feed(chunk)
    except PayloadTooLarge:
        pass
    return found


def _check(make: Callable[[int], Decoder], payloads: list[bytes], cuts: Iterable[list[bytes]]) -> None:
    for chunks in cuts:
        assert _fed(make(2**20), chunks) == payloads
        found = _bounded(make(_LIMIT), chunks)
        assert found == payloads[: len(found)]
        assert all(len(payload) <= _LIMIT for payload in found)


def _check_sse(data: bytes) -> None:
    stream, cuts = any_cut(data)
    named = events_of(stream)
    _check(SseDecoder, [event for _, event in named], cuts)
    decoder = SseDecoder(2**20)
    assert [event for chunk in cuts[1] for event in decoder.feed_named(chunk)] == named


def _check_ndjson(data: bytes) -> None:
    stream, cuts = any_cut(data)
    _check(NdjsonDecoder, [line for line in stream.split(b"\n")[:-1] if line.strip()], cuts)


def _streams(media_type: str) -> list[bytes]:
    frames = {
        frame
        for api in APIS
        if api.dialect.media_type == media_type
        for frame in (*api.good, *api.pings.values(), *api.unknown)
        if len(frame) < _LONGEST_SEED
    }
    return [CUT + frame for frame in sorted(frames)]


SSE = Target(
    _check_sse,
    _streams("text/event-stream"),
    (b"data: ", b"data:", b"event: ", b"id: 1", b"retry: 1", b": ", b"\n\n", b"\r\n\r\n", b"\r\r", b"\xef\xbb\xbf"),
)
NDJSON = Target(_check_ndjson, _streams("application/x-ndjson"), (b"\n", b"\r\n", b" \n", b"{}\n"))
