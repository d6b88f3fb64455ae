"""What fuzzing begins with holds, so that a target that no longer fits the code is seen without fuzzing."""

import pytest

from tests.fuzz.target import any_cut
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_every_seed_passes(name: str) -> None:
    """As it is, and without its last bytes."""
    target = TARGETS[name]
    assert target.seeds
    for seed in target.seeds:
        target.check(seed)
        target.check(seed[: len(seed) * 2 // 3])


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\0\0\0", b"\0\5\77\0stream of bytes"])
def test_a_cut_loses_nothing(data: bytes) -> None:
    """The pieces are the stream, and none is empty."""
    stream, (whole, pieces) = any_cut(data)
    assert b"".join(pieces) == b"".join(whole) == stream == data[4:]
    assert all(pieces)
