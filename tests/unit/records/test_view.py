"""The reader's rules, on every order in which records can arrive."""

import random
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.records.chunk import Chunk, ChunkKind
from streamproc.records.result import Result, Status
from streamproc.records.view import Finished, Piece, Reset, StreamView, Update

RUN = "t/0/1@5"
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def chunk(attempt: int, seq: int, kind: ChunkKind = "text", text: str = "") -> Chunk:
    """A chunk of the run."""
    return Chunk(run_id=RUN, request_id="a", tenant="t", attempt=attempt, seq=seq, kind=kind, text=text)


def stream(attempt: int, pieces: list[str]) -> list[Chunk]:
    """All chunks of an attempt: start, the pieces, end."""
    texts = [chunk(attempt, seq, "text", text) for seq, text in enumerate(pieces, 1)]
    return [chunk(attempt, 0, "start"), *texts, chunk(attempt, len(pieces) + 1, "end")]


def result(attempt: int | None, text: str, chunks: int, status: Status = "completed") -> Result:
    """The result of the run."""
    return Result(run_id=RUN, status=status, attempt=attempt, text=text, chunk_count=chunks, finished_at=NOW)


def shown(updates: list[Update]) -> str:
    """What a person sees who clears the screen at a reset."""
    text = ""
    for update in updates:
        if isinstance(update, Reset):
            text = ""
        elif isinstance(update, Piece):
            text += update.chunk.text
    return text


def texts(updates: list[Update]) -> list[str]:
    """The texts of the pieces."""
    return [update.chunk.text for update in updates if isinstance(update, Piece)]


@given(
    st.lists(st.lists(st.text(min_size=1, max_size=3), max_size=4), min_size=1, max_size=3),
    st.integers(0, 2**32),
    st.integers(1, 3),
)
def test_any_order_shows_the_answer_of_the_last_attempt(attempts: list[list[str]], seed: int, copies: int) -> None:
    """Attempts mixed, records doubled and shuffled: pieces in order, nothing twice, then the result and no more."""
    last = len(attempts)
    chunks = [item for number, pieces in enumerate(attempts, 1) for item in stream(number, pieces)]
    answer = result(last, "".join(attempts[-1]), len(attempts[-1]) + 2)
    records: list[Chunk | Result] = [*chunks * copies, *[answer] * copies]
    random.Random(seed).shuffle(records)
    view = StreamView(RUN)
    updates: list[Update] = []
    for record in records:
        updates += view.add_chunk(record) if isinstance(record, Chunk) else view.add_result(record)
    assert updates[-1] == Finished(RUN, answer)
    assert sum(isinstance(update, Finished) for update in updates) == 1
    assert shown(updates) == answer.text
    assert view.is_over
    assert view.result == answer
    seen = [update.chunk.attempt if isinstance(update, Piece) else update.attempt for update in updates[:-1]]  # type: ignore[union-attr] # only the last is Finished
    assert seen == sorted(seen)


def test_pieces_come_at_once_while_they_are_in_order() -> None:
    """A live reader waits for nothing; start and end carry no text."""
    view = StreamView(RUN)
    assert [texts(view.add_chunk(item)) for item in stream(1, ["a", "b"])] == [[], ["a"], ["b"], []]
    assert not view.is_over
    assert view.add_result(result(1, "ab", 4)) == [Finished(RUN, result(1, "ab", 4))]


def test_a_gap_is_held_until_it_is_filled() -> None:
    """What comes behind it waits, and then comes with it; what was seen is not shown again."""
    view = StreamView(RUN)
    start, first, second, third, _ = stream(1, ["a", "b", "c"])
    view.add_chunk(start)
    assert view.add_chunk(third) == []
    assert view.add_chunk(second) == []
    assert texts(view.add_chunk(first)) == ["a", "b", "c"]
    assert view.add_chunk(second) == []


def test_a_higher_attempt_starts_again_and_a_lower_one_is_ignored() -> None:
    """What was shown is void, once; a late chunk of the lost attempt changes nothing."""
    view = StreamView(RUN)
    for item in stream(1, ["a"])[:2]:
        view.add_chunk(item)
    assert view.add_chunk(chunk(3, 0, "start")) == [Reset(RUN, 3)]
    assert view.add_chunk(chunk(1, 2, "text", "b")) == []
    assert texts(view.add_chunk(chunk(3, 1, "text", "x"))) == ["x"]


def test_nothing_is_void_where_nothing_was_shown() -> None:
    """A lost attempt of which only later pieces came needs no reset, and its pieces are forgotten."""
    view = StreamView(RUN)
    view.add_chunk(chunk(1, 1, "text", "old"))
    assert view.add_chunk(chunk(2, 0, "start")) == []
    assert texts(view.add_chunk(chunk(2, 2, "text", "b"))) == []
    assert texts(view.add_chunk(chunk(2, 1, "text", "a"))) == ["a", "b"]


def test_the_result_waits_for_its_chunks() -> None:
    """It decides at once which attempt counts, and is given when that one is whole."""
    view = StreamView(RUN)
    chunks = stream(2, ["a", "b"])
    view.add_chunk(chunks[0])
    assert view.add_result(result(2, "ab", 4)) == []
    assert view.result is not None
    assert not view.is_over
    assert view.add_chunk(chunk(9, 0, "start")) == []
    assert texts(view.add_chunk(chunks[1])) == ["a"]
    view.add_chunk(chunks[3])
    updates = view.add_chunk(chunks[2])
    assert texts(updates) == ["b"]
    assert updates[-1] == Finished(RUN, result(2, "ab", 4))


def test_a_result_of_another_attempt_voids_what_is_shown() -> None:
    """A worker that was declared dead had shown an attempt that no result will confirm."""
    view = StreamView(RUN)
    for item in stream(5, ["zombie"]):
        view.add_chunk(item)
    assert view.add_result(result(4, "a", 3)) == [Reset(RUN, 4)]
    assert view.give_up() == [Finished(RUN, result(4, "a", 3))]


def test_giving_up_shows_the_result_once() -> None:
    """Chunks that never come are not waited for: the result's text is whole. Without a result nothing is over."""
    view = StreamView(RUN)
    assert view.give_up() == []
    view.add_result(result(1, "ab", 4))
    assert view.give_up() == [Finished(RUN, result(1, "ab", 4))]
    assert view.give_up() == []
    assert view.add_chunk(chunk(1, 0, "start")) == []
    assert view.add_result(result(1, "ab", 4)) == []


@pytest.mark.parametrize("status", ["failed", "rejected", "cancelled", "expired"])
def test_a_run_without_an_answer_ends_at_once(status: Status) -> None:
    """No chunk is waited for, whatever came before."""
    view = StreamView(RUN)
    view.add_chunk(chunk(1, 0, "start"))
    ended = result(1, "", 0, status)
    assert view.add_result(ended) == [Finished(RUN, ended)]
    refused = result(None, "", 0, "rejected")
    assert StreamView(RUN).add_result(refused) == [Finished(RUN, refused)]


def test_the_first_result_decides() -> None:
    """A second one, published again after a crash, is ignored."""
    view = StreamView(RUN)
    first = result(1, "a", 3)
    view.add_result(first)
    assert view.add_result(result(2, "b", 3)) == []
    for item in stream(1, ["a"]):
        updates = view.add_chunk(item)
    assert updates == [Finished(RUN, first)]


def test_parts_of_two_results_are_never_mixed() -> None:
    """A worker died between its parts; its successor's result is read from its own parts alone."""
    view = StreamView(RUN)
    old = [result(1, text, 0).model_copy(update={"part": number, "parts": 3}) for number, text in enumerate("abc")]
    new = [result(2, text, 0).model_copy(update={"part": number, "parts": 2}) for number, text in enumerate("xy")]
    for part in (old[0], old[1], old[1], new[0]):
        assert view.add_result(part) == []
    (finished,) = view.add_result(new[1])
    assert isinstance(finished, Finished)
    assert (finished.result.text, finished.result.attempt, finished.result.parts) == ("xy", 2, 1)
