"""The dialects: any stream and any whole body is an answer or an error of the tree, and the same for every cut."""

from collections.abc import Iterable, Iterator
from functools import partial

import orjson

from streamproc.chain.provider import Completed, Event
from streamproc.errors import ProviderError
from streamproc.providers.origin import Origin
from tests.faults.cases.api import Api
from tests.faults.cases.case import MISSING
from tests.faults.cases.table import APIS
from tests.fuzz.target import CUT, Target, any_cut
from tests.unit.providers.words import WORDS

__all__ = ["ANSWERS"]

_ORIGIN = Origin("p", "req-7", str)


def _read(api: Api, chunks: list[bytes]) -> tuple[list[Event], type[ProviderError] | None]:
    """Events and error of a stream, read as the provider reads it."""
    decoder, answer = api.dialect.decoder(2**20), api.dialect.answer(_ORIGIN)
    events: list[Event] = []
    try:
        for chunk in chunks:
            for payload in decoder.feed(chunk):
                events += answer.read(payload)
            if answer.is_done:
                break
        events.append(answer.completed())
    except ProviderError as exc:
        return events, type(exc)
    return events, None


def _check(api: Api, data: bytes) -> None:
    stream, cuts = any_cut(data)
    uncut, cut = (_read(api, chunks) for chunks in cuts)
    assert cut == uncut
    try:
        events = api.dialect.answer(_ORIGIN).read_whole(stream)
    except ProviderError:
        return
    assert isinstance(events[-1], Completed)


def _seeds(api: Api) -> Iterator[bytes]:
    streams: list[Iterable[bytes]] = [api.good, api.no_end_mark, api.no_reason, api.twice, api.late]
    streams += [(*api.begin, api.token("a"), frame) for frame in (*api.unknown, *api.pings.values())]
    streams += [(*api.begin, api.frame(orjson.dumps(error)), *api.good) for error, *_ in api.errors.values()]
    streams += [(*api.begin, *api.ending(usage)) for usage, _ in api.usages.values()]
    # What the cases of an API's own send, without the head of the response and the sizes of the chunks.
    for case in api.own.values():
        sent = b"".join(step for step in case.sends if isinstance(step, bytes)).partition(b"\r\n\r\n")[2]
        streams.append(sent.split(b"\r\n")[1::2] if case.stream else (sent,))
    streams += [(api.whole(usage),) for usage in (api.usage, None, MISSING)]
    streams += [(body,) for body, _ in api.bad_wholes.values()]
    return (CUT + b"".join(frames) for frames in streams)


def _words(api: Api) -> Iterator[bytes]:
    for word in WORDS[type(api.dialect).__name__]:
        yield from (b'"%b"' % word.encode(), b'"%b":' % word.encode())
    yield from (
        b"data: ",
        b"\n\n",
        b"null",
        b"true",
        b"{}",
        b"[]",
        b'""',
        b"-1",
        b"1e9",
        b'"\\ud800"',
        b"{",
        b"}",
        b"[",
    )


ANSWERS = {api.name: Target(partial(_check, api), tuple(_seeds(api)), tuple(_words(api)), 4096) for api in APIS}
"""By API."""
