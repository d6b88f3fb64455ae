"""A record that is changed without validation is the one that pydantic makes of the same values."""

import pickle

import pytest
from pydantic import ValidationError

from streamproc.records.usage import TokenCounts, UsageLine
from tests.lines import a_line


def test_a_changed_record_is_as_one_that_was_made_so() -> None:
    """Field by field, in JSON, and in what counts as set; the record that it was made of stays."""
    line = a_line()
    before = line.model_dump()
    tokens = TokenCounts(input=3, output=4)
    changed = line.changed(tokens=tokens, cost_nanos=None, reason="cut")
    copied = line.model_copy(update={"tokens": tokens, "cost_nanos": None, "reason": "cut"})
    made = UsageLine(**{**dict(line), "tokens": tokens, "cost_nanos": None, "reason": "cut"})
    assert changed == copied == made
    assert changed.model_dump_json() == copied.model_dump_json() == made.model_dump_json()
    assert changed.model_fields_set == copied.model_fields_set
    assert list(vars(changed)) == list(vars(made))
    assert line.model_dump() == before


def test_a_changed_record_is_a_whole_one() -> None:
    """Frozen, with a hash, fit for a copy and for another process."""
    changed = a_line().changed(reason="cut")
    assert hash(changed) == hash(a_line().model_copy(update={"reason": "cut"}))
    assert pickle.loads(pickle.dumps(changed)) == changed.model_copy()  # noqa: S301 our own bytes
    with pytest.raises(ValidationError, match="frozen"):
        changed.reason = "other"  # type: ignore[misc] # that is what is tried
