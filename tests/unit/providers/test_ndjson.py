"""Lines come out the same however their bytes were cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.providers.framing import PayloadTooLarge
from streamproc.providers.ndjson import NdjsonDecoder


def fed(chunks: list[bytes], max_line_bytes: int = 100) -> list[bytes]:
    """The lines of these chunks."""
    decoder = NdjsonDecoder(max_line_bytes)
    return [line for chunk in chunks for line in decoder.feed(chunk)]


LINES = st.lists(st.text(alphabet='{}"aä\r ', max_size=6).map(str.encode), max_size=6).map(b"\n".join)


@given(LINES, st.lists(st.integers(0, 40), max_size=6))
def test_any_cut_gives_the_same_lines(stream: bytes, cuts: list[int]) -> None:
    """What has no line feed at the end is unfinished; blank lines say nothing."""
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    chunks = [stream[begin:end] for begin, end in pairwise(edges)]
    assert fed(chunks) == [line for line in stream.split(b"\n")[:-1] if line.strip()]


@pytest.mark.parametrize(
    "chunks", [[b"x" * 11], [b"x" * 11 + b"\n"], [b"xxxx", b"xxxx", b"xxxx"], [b"a\n" + b"x" * 11]]
)
def test_a_line_has_a_bound(chunks: list[bytes]) -> None:
    """Finished or not; a line of exactly that length passes."""
    with pytest.raises(PayloadTooLarge, match="10 bytes"):
        fed(chunks, 10)
    assert fed([b"x" * 10, b"\n"], 10) == [b"x" * 10]
