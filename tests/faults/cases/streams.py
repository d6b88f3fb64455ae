"""What a 200 can say: cut streams, broken frames, errors, odd usage, answers that are none."""

from functools import partial

import orjson

from streamproc.chain.provider import Text
from streamproc.errors import IncompleteStream, MalformedStream, ServerFault
from tests.faults.cases.api import Api
from tests.faults.cases.case import MISSING, PAGE, Case, Table
from tests.faults.raw_provider import END, chunked, response

__all__ = ["streams"]


def streams(api: Api) -> Table:
    """Streams, and what stands in the place of one; then answers in one piece."""
    return {**_ends(api), **_frames(api), **_errors(api), **_usages(api), **_no_streams(api), **_wholes(api)}


def _ends(api: Api) -> Table:
    token = (*api.begin, api.token("a"))
    cut = partial(Case, events=(Text("a"),), error=IncompleteStream, basis="estimated", status=200, request_id=api.id)
    good = partial(Case, basis="provider")
    cases = {
        "a good stream": good(sends=api.answer(*api.good), events=api.gives("a", "b")),
        "end of bytes after a token": cut(sends=api.answer(*token)),
        "finish reason without an end mark": cut(sends=api.answer(*token, *api.no_end_mark)),
        "end mark without a finish reason": cut(sends=api.answer(*token, *api.no_reason)),
        "an end mark that is not finished": cut(
            sends=(*api.packets(*token, *api.ending(api.usage)[:-1], api.ending(api.usage)[-1][:-1]), END)
        ),
        "text behind the end mark": good(sends=api.answer(*api.good, api.token("late")), events=api.gives("a", "b")),
        "nonsense behind the end mark": good(sends=api.answer(*api.good, api.frame(b"{")), events=api.gives("a", "b")),
    }
    if api.twice:
        cases["finish reason twice"] = good(sends=api.answer(*token, *api.twice), events=api.gives("a"))
    if api.late:
        cases["text behind the finish reason"] = good(
            sends=api.answer(*token, *api.late), events=api.gives("a", "late")
        )
    return cases


def _frames(api: Api) -> Table:
    token = (*api.begin, api.token("a"))
    rest = (api.token("b"), *api.ending(api.usage))
    good = partial(Case, basis="provider", events=api.gives("a", "b"))
    broken = partial(Case, events=(Text("a"),), error=MalformedStream, basis="estimated", status=200, request_id=api.id)
    sea = api.token("zażółć 🌊")
    inside = sea.index("🌊".encode()) + 2
    cases = {
        "JSON that breaks off": broken(sends=api.packets(*token, api.frame(b'{"a":')), says="JSON"),
        "no JSON": broken(sends=api.packets(*token, api.frame(b"hello")), says="JSON"),
        "invalid UTF-8": broken(sends=api.packets(*token, api.token("xx").replace(b"xx", b"\xff\xfe")), says="JSON"),
        "a lone surrogate": broken(sends=api.packets(*token, api.token("xx").replace(b"xx", rb"\ud800")), says="JSON"),
        "UTF-8 split over packets": Case(
            sends=(
                *api.packets(*api.begin),
                chunked(sea[:inside]),
                0.02,
                chunked(sea[inside:]),
                *map(chunked, api.ending(api.usage)),
                END,
            ),
            events=api.gives("zażółć 🌊"),
            basis="provider",
        ),
        "a line of 5 MB": broken(
            sends=(*api.packets(*token), lambda: chunked(api.token("x" * 5_000_000))),
            ends="holds",
            says="longer than 1048576 bytes",
        ),
        "a line of 5 MB without an end": broken(
            sends=(*api.packets(*token), lambda: chunked(api.token("x" * 5_000_000)[:-9])),
            ends="holds",
            says="longer than 1048576 bytes",
        ),
        "frames of unknown kinds": good(sends=api.answer(*token, *api.unknown, *rest)),
    }
    for name, payload in api.shapeless.items():
        cases[f"a frame that is {name}"] = broken(sends=api.packets(*token, api.frame(payload)))
    for name, frame in api.pings.items():
        cases[f"{name} between the tokens"] = good(sends=api.answer(frame, *token, frame, frame, *rest))
    return cases


def _errors(api: Api) -> Table:
    token = (*api.begin, api.token("a"))
    cases = {}
    for name, (payload, error, says) in api.errors.items():
        fails = partial(Case, error=error, says=says, basis="estimated", status=200, request_id=api.id)
        cases[f"{name} in the stream"] = fails(
            sends=api.packets(*token, api.frame(orjson.dumps(payload))), events=(Text("a"),)
        )
        cases[f"{name} as the first frame"] = fails(sends=api.packets(api.frame(orjson.dumps(payload))))
    return cases


def _usages(api: Api) -> Table:
    begin = (*api.begin, api.token("a"))
    odd = {"null": (None, None), "missing": (MISSING, None), **api.usages}
    return {
        f"usage {name}": Case(
            sends=api.answer(*begin, *api.ending(sent)),
            events=api.gives("a", usage=meant),
            basis="estimated" if meant is None or None in (meant.input, meant.output) else "provider",
        )
        for name, (sent, meant) in odd.items()
    }


def _no_streams(api: Api) -> Table:
    none = partial(Case, error=MalformedStream, basis="estimated", status=200, request_id=api.id)
    media_type = api.dialect.media_type
    head = api.head.replace(b"content-type", b"x-type")
    return {
        "an empty stream": none(sends=api.answer()),
        "an empty body": none(sends=api.in_one_piece(b"", media_type)),
        "an empty body without a type": none(sends=(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",), request_id=None),
        "only pings": none(sends=api.answer(*api.pings.values())),
        "a page": none(sends=api.in_one_piece(PAGE, "text/html"), says="text/html"),
        "a stream that says it is a page": none(
            sends=api.in_one_piece(b"".join(api.good), "text/html"), says="text/html"
        ),
        "an error object in the place of a stream": none(
            sends=api.in_one_piece(orjson.dumps(api.problem("boom"))), error=ServerFault, says="boom"
        ),
        "a whole answer in the place of a stream": none(sends=api.in_one_piece(api.whole(api.usage))),
        "a stream that does not say what it is": Case(
            sends=(head, *api.answer(*api.good)[1:]), events=api.gives("a", "b"), basis="provider"
        ),
    }


def _wholes(api: Api) -> Table:
    good = partial(Case, stream=False, basis="provider")
    bad = partial(Case, stream=False, basis="estimated", status=200, error=MalformedStream, request_id=api.id)
    cases = {
        "a whole answer": good(sends=api.in_one_piece(api.whole(api.usage)), events=api.gives("ab")),
        "a whole answer without usage": good(
            sends=api.in_one_piece(api.whole(MISSING)), events=api.gives("ab", usage=None), basis="estimated"
        ),
        "a whole answer that is empty": bad(sends=api.in_one_piece(b"")),
        "a whole answer that is blank": bad(sends=api.in_one_piece(b" \n")),
        "a whole answer that is a page": bad(sends=api.in_one_piece(PAGE, "text/html")),
        "a whole answer that is a page called JSON": bad(sends=api.in_one_piece(PAGE)),
        "a whole answer that is broken": bad(sends=api.in_one_piece(api.whole(api.usage)[:-1])),
        "a whole answer of invalid UTF-8": bad(
            sends=api.in_one_piece(api.whole(api.usage).replace(b'"ab"', b'"\xff"'))
        ),
        "a whole answer that is too large": bad(
            sends=(lambda: response("200 OK", "application/json", b" " * (2**23 + 1)),),
            ends="holds",
            says="longer than",
            request_id=None,
        ),
    }
    for name, (body, error) in api.bad_wholes.items():
        cases[f"a whole answer: {name}"] = bad(sends=api.in_one_piece(body), error=error)
    return cases
