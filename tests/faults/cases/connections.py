"""What a connection can do to a call."""

import gzip
from functools import partial

from streamproc.chain.provider import Text
from streamproc.errors import ConnectFailed, Disconnected, MalformedStream, TimedOut
from tests.faults.cases.api import Api
from tests.faults.cases.case import Case, Table
from tests.faults.raw_provider import END, chunked

__all__ = ["connections"]


def connections(api: Api) -> Table:
    """Connections that do not come about, that break, and that say nothing."""
    return {**_nothing_sent(), **_broken(api), **_silent(api), **_odd(api)}


def _nothing_sent() -> Table:
    return {
        "refused": Case(at="nobody", error=ConnectFailed),
        "no such host": Case(at="nowhere", error=ConnectFailed),
        "a server without TLS": Case(at="no tls", error=ConnectFailed),
        "a certificate that is not trusted": Case(at="not trusted", error=ConnectFailed, says="certificate"),
    }


def _broken(api: Api) -> Table:
    token = (*api.begin, api.token("a"))
    seen = (Text("a"),)
    whole = api.in_one_piece(api.whole(api.usage))[0]
    before = partial(Case, error=Disconnected, basis="estimated")
    inside = partial(before, status=200)
    good = _complete(api)
    return {
        "closed before the response": before(ends="closes"),
        "reset before the response": before(ends="resets"),
        "closed in the head": before(sends=(api.head[:40],), ends="closes"),
        "closed behind the head": inside(sends=(api.head,), ends="closes"),
        "closed after a token": inside(sends=api.packets(*token), ends="closes", events=seen),
        "closed after the last token": inside(
            sends=api.packets(*token, api.token("b")), ends="closes", events=(*seen, Text("b"))
        ),
        "closed before the end mark": inside(sends=api.packets(*token, *api.no_end_mark), ends="closes", events=seen),
        "closed inside a frame": inside(
            sends=(*api.packets(*token), chunked(api.token("b"))[:-9]), ends="closes", events=seen
        ),
        "closed behind the end mark": good(sends=api.packets(*api.good), ends="closes"),
        "reset after a token": inside(sends=(*api.packets(*token), 0.1), ends="resets", events=seen),
        "malformed chunked encoding": inside(
            sends=(*api.packets(*token), 0.05, b"zz\r\n" + api.token("b")), ends="holds", events=seen
        ),
        "a proxy's page inside the chunks": inside(
            sends=(*api.packets(*token), 0.05, b"HTTP/1.1 502 Bad Gateway\r\n\r\n"), ends="holds", events=seen
        ),
        "no HTTP": before(sends=(b"220 mail.example ESMTP\r\n\r\n",), ends="closes"),
        "a whole answer that is cut": inside(sends=(whole[:-3],), ends="closes", stream=False),
        "a whole answer that is reset": inside(sends=(whole[:-3], 0.1), ends="resets", stream=False),
    }


def _silent(api: Api) -> Table:
    token = (*api.begin, api.token("a"))
    late = partial(Case, error=TimedOut, basis="estimated", ends="holds")
    in_stream = partial(late, status=200)
    good = _complete(api)
    cases = {
        "no headers in time": late(within={"first_byte_seconds": 0.2}),
        "no whole answer in time": late(stream=False, within={"total_seconds": 0.2}),
        "silence behind the head": in_stream(sends=(api.head,), within={"idle_seconds": 0.2}),
        "silence after a token": in_stream(
            sends=api.packets(*token), within={"idle_seconds": 0.2}, events=(Text("a"),)
        ),
        "silence after the finish reason": in_stream(
            sends=api.packets(*token, *api.no_end_mark), within={"idle_seconds": 0.2}, events=(Text("a"),)
        ),
        "a frame that never ends": in_stream(
            sends=api.packets(*token),
            drips=chunked(b" "),
            within={"idle_seconds": 0.2},
            events=(Text("a"),),
        ),
        "silence behind the end mark": good(sends=api.packets(*api.good), ends="holds"),
    }
    for name, frame in api.pings.items():
        cases[f"{name} without end"] = in_stream(
            sends=api.packets(*token),
            drips=chunked(frame),
            within={"idle_seconds": 0.2},
            events=(Text("a"),),
            says="no event",
        )
    return cases


def _odd(api: Api) -> Table:
    plain = b"".join(api.good)
    packed = gzip.compress(plain)
    # 15 bytes of gzip go before what is stored as it is.
    stored = gzip.compress(plain, 0)[: 15 + len(b"".join((*api.begin, api.token("a"))))]
    good = _complete(api)
    unreadable = partial(Case, error=MalformedStream, basis="estimated", status=200)
    head = api.head.replace(b"transfer-encoding", b"content-encoding: gzip\r\ntransfer-encoding")
    halves = [packed[:20], packed[20:]]
    slow = [step for packet in api.answer(*api.good) for step in (packet, 0.03)]
    return {
        "a slow drip of frames": good(sends=tuple(slow), within={"idle_seconds": 0.5}),
        "a slow drip of bytes": good(
            sends=(api.head, *(chunked(plain[i : i + 7]) for i in range(0, len(plain), 7)), END)
        ),
        "everything in one packet": good(sends=(b"".join(api.answer(*api.good)),)),
        "gzip": good(sends=(head, *map(chunked, halves), END)),
        "gzip that is cut": unreadable(sends=(head, chunked(stored), END), events=(Text("a"),)),
        "gzip that is none": unreadable(sends=(head, chunked(plain), END)),
        "an encoding that nobody asked for": unreadable(sends=(head.replace(b"gzip", b"br"), chunked(b"x"), END)),
        "informational responses before the answer": good(
            sends=(b"HTTP/1.1 103 Early Hints\r\n\r\n", *api.answer(*api.good))
        ),
    }


def _complete(api: Api) -> partial[Case]:
    return partial(Case, events=api.gives("a", "b"), basis="provider")
