"""Every fault that disturbs an answer, on the wire, in every API shape in which it can happen."""

from collections.abc import Mapping
from types import MappingProxyType

import pytest

from streamproc.mock.answer import Answer
from streamproc.mock.faults.catalogue import FAULTS
from streamproc.mock.faults.draft import drafted, pieces_of
from streamproc.mock.faults.fault import Disturbing, Refusing
from streamproc.mock.framing import BODY_END
from streamproc.mock.server import MockServer
from streamproc.mock.shapes.table import SHAPES
from tests.unit.mock.exchange import exchange, rendered
from tests.unit.mock.seen_faults import CHECKS, complete
from tests.unit.mock.wire import MODES, body_for, show

# When the client of an endless one goes away: when these bytes came, or when nothing came for a while.
GOES_AWAY: Mapping[str, bytes] = MappingProxyType({"silent": b"", "stall": b"", "drip": b""})


def test_no_fault_is_left_out() -> None:
    """Those that answer instead of the model have tests of their own."""
    assert CHECKS.keys() == {name for name, fault in FAULTS.items() if not isinstance(fault, Refusing)}


@pytest.mark.parametrize(("path", "is_streamed"), MODES)
def test_where_faults_can_happen(path: str, *, is_streamed: bool) -> None:
    """Some need a text, a stream, an event stream, or the Responses shape; all others can happen everywhere."""
    cannot = set()
    if not is_streamed:
        cannot |= {"unknown", "nomark", "twofinish", "textafter", "pings"}
    if not is_streamed or path.startswith("/api"):
        cannot |= {"retryonly"}
    if not is_streamed or path != "/v1/responses":
        cannot |= {"failed"}
    if "embed" in path:
        cannot |= {"badtext", "splittext", "longline", "nofinish"}
    assert {n for n, fault in FAULTS.items() if not fault.applies(SHAPES[path], is_streamed=is_streamed)} == cannot


@pytest.mark.parametrize("name", CHECKS)
async def test_a_fault_on_the_wire(mock: MockServer, name: str) -> None:
    """In every shape, streamed and whole, where it can happen; the bill names it."""
    part, check = CHECKS[name]
    shown_once = False
    for path, is_streamed in MODES:
        if not FAULTS[name].applies(SHAPES[path], is_streamed=is_streamed):
            continue
        until = GOES_AWAY.get(name)
        if name == "pings":
            ping = SHAPES[path].ping
            until = (b"%x\r\n%b\r\n" % (len(ping), ping)) * 3
        shown = await show(mock, path, f"mock-t5-i1-f1-{part}", is_streamed=is_streamed, until=until)
        assert (shown.call.shape, shown.call.fault) == (SHAPES[path].name, part)
        assert shown.call.input_tokens == 5
        try:
            check(shown)
        except AssertionError as error:
            error.add_note(f"{path} {'streamed' if is_streamed else 'whole'}: {shown.raw[-2000:]!r}")
            raise
        shown_once = True
    assert shown_once


@pytest.mark.parametrize(("path", "is_streamed"), MODES)
async def test_a_fault_that_cannot_happen_here(mock: MockServer, path: str, *, is_streamed: bool) -> None:
    """The answer comes undisturbed, and the bill names no fault."""
    others = [name for name in CHECKS if not FAULTS[name].applies(SHAPES[path], is_streamed=is_streamed)]
    for name in others:
        shown = await show(mock, path, f"mock-t5-i1-f1-{CHECKS[name][0]}", is_streamed=is_streamed)
        assert shown.call.fault is None
        complete(shown)
    assert others or path == "/v1/responses"


@pytest.mark.parametrize("is_streamed", [True, False])
def test_a_body_that_drips(*, is_streamed: bool) -> None:
    """Each byte is a piece of its own with its wait, and together they are the answer; all its tokens are counted."""
    answer = Answer("id", "mock", 0, 1, 5, "told", "stop")
    draft = drafted(SHAPES["/v1/messages"], answer, 5, is_streamed=is_streamed)
    fault = FAULTS["drip"]
    assert isinstance(fault, Disturbing)
    head, *plain = [piece for piece in pieces_of(draft, keeps_alive=True) if piece.data]
    slow_head, *slow = [piece for piece in pieces_of(fault.disturb(draft, 7), keeps_alive=True) if piece.data]
    assert slow_head == head
    dripped = slow[:-1] if is_streamed else slow  # the end of the chunked body comes in one piece
    assert {(len(piece.data), piece.wait_seconds) for piece in dripped} == {(1, 0.007)}
    assert b"".join(piece.data for piece in slow) == b"".join(piece.data for piece in plain)
    assert sum(piece.tokens for piece in slow) == sum(piece.tokens for piece in plain)


@pytest.mark.parametrize("path", [path for path, is_streamed in MODES if is_streamed])
def test_a_character_split_over_packets(path: str) -> None:
    """Its two bytes are pieces with time between them, streamed and whole."""
    fault = FAULTS["splittext"]
    assert isinstance(fault, Disturbing)
    for is_streamed in (True, False):
        draft = drafted(SHAPES[path], Answer("id", "mock", 0, 1, 5, "told", "stop"), 5, is_streamed=is_streamed)
        pieces = [piece for piece in pieces_of(fault.disturb(draft, 2), keeps_alive=True) if piece.data]
        (place,) = (place for place, piece in enumerate(pieces) if piece.data.rstrip(b"\r\n").endswith(b"\xc3"))
        assert b"\xbc\xc3\x9f"[:1] in pieces[place + 1].data
        assert pieces[place + 1].wait_seconds > 0


async def test_two_faults_of_one_name(mock: MockServer) -> None:
    """Both are shown."""
    shown = await show(mock, "/v1/messages", "mock-t5-i1-f1-gzip-nofinish", is_streamed=True)
    assert (shown.headers["content-encoding"], complete(shown).finishes) == ("gzip", ())
    assert shown.call.fault == "gzip-nofinish"


async def test_a_connection_after_a_disturbed_answer_that_came_to_its_end(mock: MockServer) -> None:
    """It stays, and the next request on it is answered."""
    one, two = (
        rendered(body_for("/api/chat", f"mock-t5-i1-f1{part}", is_streamed=True), path="/api/chat", more=more)
        for part, more in (("-nomark", ""), ("", "connection: close\r\n"))
    )
    response = await exchange(mock, one + two)
    _, first, second = response.split(b"HTTP/1.1 200 OK\r\n")
    assert (first.endswith(BODY_END), second.endswith(BODY_END)) == (True, True)
    assert (first.count(b'"done":true'), second.count(b'"done":true')) == (0, 1)
