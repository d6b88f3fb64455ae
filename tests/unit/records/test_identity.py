"""Identities: one text for each, and no text that is none gets through."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.errors import InvalidRequest
from streamproc.records.identity import RunId, first_attempt, usage_id

run_ids = st.builds(
    RunId,
    st.from_regex(r"[A-Za-z0-9._-]{1,249}", fullmatch=True),
    st.integers(0, 2**31 - 1),
    st.integers(0, 2**63 - 1),
    st.integers(-(2**63), 2**63 - 1),
)


@given(run_ids)
def test_a_run_id_is_read_as_it_was_written(run_id: RunId) -> None:
    """Every identity that Kafka can give, times before 1970 and the largest numbers included."""
    assert RunId.parse(str(run_id)) == run_id


@given(st.text())
def test_any_text_is_a_run_id_or_refused(text: str) -> None:
    """What is taken is spelled as it would be written; the rest is refused with a sentence that is not endless."""
    told = ""
    try:
        assert str(RunId.parse(text)) == text
    except InvalidRequest as error:
        told = str(error)
    assert "is no run id" in told or not told
    assert len(told) < 500


@pytest.mark.parametrize(
    "text",
    [
        "", "t", "t/0/1", "t/0/1@", "t/0/1@1\n", "\nt/0/1@1", " t/0/1@1", "t/0/1@1 ", "t/00/1@1", "t/0/01@1", "t/0/1@01",
        "t/0/1@-0", "t/-1/1@1", "t/0/-1@1", "t/+0/1@1", "t/0/1@1.0", "t/٣/1@1", "a b/0/1@1", "a/b/0/1@1", "/0/1@1",
        "t/0/1@1/2", "é/0/1@1", f"{'t' * 250}/0/1@1", f"t/0/{'9' * 20}@1", "t\0/0/1@1", "t/0/1@1\u2028",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_run_id_is_refused(text: str) -> None:
    """No white space, no other spelling of a number, no other digits than 0 to 9."""
    with pytest.raises(InvalidRequest):
        RunId.parse(text)


def test_attempts_grow_from_owner_to_owner_and_over_what_is_known() -> None:
    """A later claim is above all attempts of an earlier one; a known attempt is never given again."""
    assert first_attempt(7, None) == 7000
    assert first_attempt(8, 7004) == 8000
    assert first_attempt(7, 7004) == 7005
    assert first_attempt(7, 9000) == 9001


def test_a_usage_id_names_run_attempt_and_call() -> None:
    """The identity of a line of the bill."""
    assert usage_id("t/0/1@5", 7000, 2) == "t/0/1@5/7000/2"
