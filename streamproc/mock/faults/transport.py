"""Faults and peculiarities of the transport: chunks, encodings, content types, packets, noise."""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import replace

from streamproc.mock.faults.connection import up_to
from streamproc.mock.faults.draft import Draft, Event
from streamproc.mock.faults.fault import AFTER_TOKENS, Disturbing, Fault, Number

__all__ = ["TRANSPORT"]

_GZIP = 16 + zlib.MAX_WBITS
_TOKENS_BEFORE_PINGS = 3


def _bad_chunk(draft: Draft, tokens: int) -> Draft:
    before = up_to(draft, tokens)
    broken = Event(b"zz\r\nno length\r\n", is_raw=True)
    return replace(before, events=(*before.events, broken), is_chunked=True, length=None, ending="close", is_cut=True)


def _compressed(events: Iterable[Event]) -> tuple[Event, ...]:
    compressor = zlib.compressobj(wbits=_GZIP)

    def squeezed(data: bytes) -> bytes:
        return compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH) if data else b""

    *first, last = [event if event.is_raw else replace(event, data=squeezed(event.data)) for event in events]
    return (*first, replace(last, data=last.data + compressor.flush()))


def _gzip(draft: Draft, number: int) -> Draft:
    del number
    return replace(draft, code=_compressed, fields=(*draft.fields, ("content-encoding", "gzip")))


def _plain_type(draft: Draft, number: int) -> Draft:
    del number
    return replace(draft, content_type="text/plain; charset=utf-8")


def _drip(draft: Draft, milliseconds: int) -> Draft:
    def pace(events: Iterator[Event]) -> Iterator[Event]:
        for event in events:
            if not event.data:
                yield event
                continue
            for place in range(len(event.data)):
                is_last = place == len(event.data) - 1
                wait = milliseconds / 1000 + (event.wait_seconds if place == 0 else 0.0)
                tokens = event.tokens if is_last else 0
                yield replace(event, data=event.data[place : place + 1], wait_seconds=wait, tokens=tokens)

    return replace(draft, pace=pace)


def _pings(draft: Draft, milliseconds: int) -> Draft:
    before = up_to(draft, _TOKENS_BEFORE_PINGS)
    return replace(before, repeated=Event(draft.shape.ping, milliseconds / 1000), ending="hang", is_cut=True)


TRANSPORT: tuple[Fault, ...] = (
    Disturbing(
        name="badchunk",
        sentence="a chunk of the body whose length is no number; then the connection closes",
        number=AFTER_TOKENS,
        disturb=_bad_chunk,
    ),
    Disturbing(name="gzip", sentence="the body is compressed, whether it was asked for or not", disturb=_gzip),
    Disturbing(name="plaintype", sentence="the content type is `text/plain`", disturb=_plain_type),
    Disturbing(
        name="drip",
        sentence="the body comes byte by byte",
        number=Number("milliseconds between bytes", 20, 1),
        disturb=_drip,
        is_mixed=False,
    ),
    Disturbing(
        name="pings",
        sentence="after 3 tokens nothing but pings, comments or empty lines, without end",
        scope="stream",
        number=Number("milliseconds between them", 100, 1),
        disturb=_pings,
        is_mixed=False,
    ),
)
