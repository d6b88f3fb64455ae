"""Offsets of one group."""

import pytest

from streamproc.embedded.codes import Code
from streamproc.embedded.offsets import MAX_METADATA_CHARACTERS, Committed, GroupOffsets, check_metadata

FIVE, SIX = Committed(5, "five"), Committed(6, "six")


def test_committed() -> None:
    """The last commit counts, whichever way it moves."""
    offsets = GroupOffsets()
    assert offsets.committed("in", 0) is None
    offsets.commit("in", 0, SIX)
    offsets.commit("in", 0, FIVE)
    offsets.commit("in", 1, SIX)
    assert offsets.committed("in", 0) == FIVE
    assert list(offsets) == [("in", 0, FIVE), ("in", 1, SIX)]


@pytest.mark.parametrize(("commit", "seen"), [(True, SIX), (False, FIVE)], ids=["commits", "aborts"])
def test_transaction(*, commit: bool, seen: Committed) -> None:
    """What a transaction holds is not seen until it ends, and is gone then."""
    offsets = GroupOffsets()
    offsets.commit("in", 0, FIVE)
    offsets.hold(7, "in", 0, SIX)
    assert offsets.committed("in", 0) == FIVE
    offsets.resolve(8, commit=True)
    assert offsets.committed("in", 0) == FIVE
    offsets.resolve(7, commit=commit)
    assert offsets.committed("in", 0) == seen
    offsets.commit("in", 0, FIVE)
    offsets.resolve(7, commit=True)
    assert offsets.committed("in", 0) == FIVE


def test_is_empty() -> None:
    """Held offsets are something, too."""
    offsets = GroupOffsets()
    seen = [offsets.is_empty]
    offsets.hold(7, "in", 0, SIX)
    seen.append(offsets.is_empty)
    offsets.resolve(7, commit=False)
    seen.append(offsets.is_empty)
    offsets.commit("in", 0, SIX)
    assert [*seen, offsets.is_empty] == [True, False, True, False]


def test_deleted_topic() -> None:
    """A topic of the same name that is made later begins without offsets."""
    offsets = GroupOffsets()
    offsets.commit("in", 0, FIVE)
    offsets.commit("other", 0, FIVE)
    offsets.hold(7, "in", 1, SIX)
    offsets.forget_topic("in")
    offsets.resolve(7, commit=True)
    assert list(offsets) == [("other", 0, FIVE)]


def test_metadata_length() -> None:
    """Characters are counted, not bytes; no metadata is fine."""
    assert check_metadata(None) is Code.NONE
    assert check_metadata("é" * MAX_METADATA_CHARACTERS) is Code.NONE
    assert check_metadata("é" * MAX_METADATA_CHARACTERS + "e") is Code.OFFSET_METADATA_TOO_LARGE
