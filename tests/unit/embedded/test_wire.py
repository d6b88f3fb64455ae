"""Bytes from a client that may want to do harm."""

import struct

import pytest
from aiokafka.protocol.fetch import FetchRequest_v11
from aiokafka.protocol.metadata import MetadataRequest_v5
from aiokafka.protocol.produce import ProduceRequest_v7

from streamproc.embedded.wire import MAX_FRAME_BYTES, BadRequest, Frames, decoded, framed, request_of


def test_frames_come_out_however_the_bytes_arrive() -> None:
    """Byte by byte, or all at once."""
    stream = b"".join(struct.pack(">i", len(frame)) + frame for frame in (b"one", b"", b"three"))
    for step in (1, 2, 5, len(stream)):
        frames, found = Frames(), []
        for start in range(0, len(stream), step):
            frames.feed(stream[start : start + step])
            while (frame := frames.take()) is not None:
                found.append(frame)
        assert found == [b"one", b"", b"three"]
        assert frames.size == 0


@pytest.mark.parametrize("length", [-1, -(2**31), MAX_FRAME_BYTES + 1, 2**31 - 1, 0x47455420])
def test_a_length_that_cannot_be_is_refused_before_its_bytes_come(length: int) -> None:
    """The last one is what `GET ` of a lost HTTP client looks like."""
    frames = Frames()
    frames.feed(struct.pack(">i", length))
    with pytest.raises(BadRequest, match=str(length)):
        frames.take()


def test_a_header_is_read() -> None:
    """A client without a name is somebody too."""
    assert request_of(struct.pack(">hhih", 3, 5, 77, 2) + b"mebody") == (3, 5, 77, "me", b"body")
    assert request_of(struct.pack(">hhih", 3, 5, 77, -1) + b"body") == (3, 5, 77, "", b"body")


@pytest.mark.parametrize(
    "frame", [b"", b"\0" * 9, struct.pack(">hhih", 3, 5, 1, 9) + b"short", struct.pack(">hhih", 3, 5, 1, 1) + b"\xff"]
)
def test_a_broken_header_is_refused(frame: bytes) -> None:
    """Too short, or with a client id that is no text."""
    with pytest.raises(BadRequest):
        request_of(frame)


@pytest.mark.parametrize("count", [-2, -(2**31), 100_001, 2**31 - 1])
def test_an_absurd_count_of_elements_is_refused_at_once(count: int) -> None:
    """Before one of them is read, also if the bytes for them would be there."""
    with pytest.raises(BadRequest, match=str(count)):
        decoded(MetadataRequest_v5, struct.pack(">i", count) + b"\0" * 400_000)


def test_counts_of_nested_arrays_are_added_up() -> None:
    """Many modest arrays are as bad as one large one."""
    topic = struct.pack(">h", 0) + struct.pack(">i", 1_000) + struct.pack(">iiqqi", 0, -1, 0, -1, 1) * 1_000
    body = struct.pack(">iiiibii", -1, 0, 0, 0, 0, 0, -1) + struct.pack(">i", 200) + topic * 200
    with pytest.raises(BadRequest, match="1000 elements"):
        decoded(FetchRequest_v11, body)


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_body_that_is_cut_off_is_refused(cut: int) -> None:
    """At whatever byte."""
    body = ProduceRequest_v7("id", -1, 1_000, [("topic", [(0, b"batch")])]).encode()
    with pytest.raises(BadRequest, match="ProduceRequest_v7"):
        decoded(ProduceRequest_v7, body[:-cut] if cut < len(body) else b"")


def test_null_is_taken_only_where_the_protocol_has_it() -> None:
    """All topics in one API; nothing at all in another."""
    assert decoded(MetadataRequest_v5, MetadataRequest_v5(None, False).encode()).topics is None
    with pytest.raises(BadRequest, match="an element is null"):
        decoded(MetadataRequest_v5, MetadataRequest_v5([None], False).encode())
    with pytest.raises(BadRequest, match="topics is null"):
        decoded(ProduceRequest_v7, ProduceRequest_v7(None, -1, 1_000, None).encode())


def test_text_that_is_no_text_is_refused() -> None:
    """Names are UTF-8."""
    with pytest.raises(BadRequest):
        decoded(MetadataRequest_v5, struct.pack(">ih", 1, 2) + b"\xff\xff\0")


def test_an_answer_has_its_length_and_correlation() -> None:
    """The length counts what is behind it."""
    assert framed(7, b"body") == struct.pack(">ii", 8, 7) + b"body"
