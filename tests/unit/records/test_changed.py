"""A record that is changed is the one that would have been made of the same values."""

import pickle
from dataclasses import FrozenInstanceError, asdict, replace

import pytest

from streamproc.records.usage import TokenCounts
from tests.lines import a_line


def test_a_changed_record_is_as_one_that_was_made_so() -> None:
    """Field by field, in their order; the record that it was made of stays."""
    line = a_line()
    before = asdict(line)
    tokens = TokenCounts(input=3, output=4)
    changed = line.changed(tokens=tokens, cost_nanos=None, reason="cut")
    made = replace(line, tokens=tokens, cost_nanos=None, reason="cut")
    assert changed == made
    assert list(vars(changed).items()) == list(vars(made).items())
    assert asdict(line) == before


def test_a_changed_record_is_a_whole_one() -> None:
    """Frozen, with a hash, fit for a copy and for another process."""
    changed = a_line().changed(reason="cut")
    assert hash(changed) == hash(replace(a_line(), reason="cut"))
    assert pickle.loads(pickle.dumps(changed)) == changed  # noqa: S301 our own bytes
    with pytest.raises(FrozenInstanceError):
        changed.reason = "other"  # type: ignore[misc] # that is what is tried
