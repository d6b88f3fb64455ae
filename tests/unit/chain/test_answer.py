"""The answer as the fold of its events."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.chain.answer import Answer
from streamproc.chain.provider import Completed, Embeddings, Event, Reasoning, Restarted, Text, ToolCallPart
from streamproc.errors import AnswerTooLong, IncompleteStream
from streamproc.records.result import ResultReasoning, ResultToolCall

DONE = Completed(None, "stop")


def fold(*events: Event, most: int = 1000) -> Answer:
    """The answer that these events add up to."""
    answer = Answer("p", most)
    for event in events:
        answer.add(event)
    return answer


def test_an_answer_is_its_pieces_joined() -> None:
    """Text and reasoning apart, each in order."""
    answer = fold(Reasoning("x"), Text("a"), Reasoning("y"), Text(""), Text("b"), DONE)
    assert (answer.text, answer.reasoning, answer.tool_calls) == ("ab", "xy", [])
    assert answer.finished() == DONE


@pytest.mark.parametrize("part", [ToolCallPart(0, "i" * 1025, "f", ""), ToolCallPart(0, "i", "f" * 1025, "")])
def test_a_tool_calls_name_has_a_bound(part: ToolCallPart) -> None:
    """A provider could otherwise make a result that passes the record limit: names are not cut into parts."""
    with pytest.raises(AnswerTooLong, match="1024"):
        fold(part, most=10**6)


def test_tool_calls_have_a_number() -> None:
    """A provider could otherwise make a result of a hundred thousand records out of empty calls."""
    with pytest.raises(AnswerTooLong, match="128"):
        fold(*(ToolCallPart(index, "i", "f", "") for index in range(129)))


def test_tool_calls_are_joined_by_index() -> None:
    """Pieces of several calls may come mixed; id and name come once and stay."""
    answer = fold(
        ToolCallPart(7, "b", "g", ""),
        ToolCallPart(2, "a", "f", '{"x"'),
        ToolCallPart(7, None, None, "[]"),
        ToolCallPart(2, "", None, ":1}"),
    )
    assert answer.tool_calls == [
        ResultToolCall(id="a", name="f", arguments='{"x":1}'),
        ResultToolCall(id="b", name="g", arguments="[]"),
    ]
    assert answer.tool_call_parts == [ToolCallPart(2, "a", "f", '{"x":1}'), ToolCallPart(7, "b", "g", "[]")]


def test_a_restart_empties_the_answer() -> None:
    """Nothing of the lost attempt is left, its size included."""
    answer = fold(
        Text("old" * 300), Reasoning("old"), ToolCallPart(0, "c", "f", "old"), Restarted(2, "cut"), Text("new" * 300)
    )
    assert (answer.text, answer.reasoning, answer.tool_calls) == ("new" * 300, "", [])


def test_an_end_before_a_restart_does_not_count() -> None:
    """Only the end of the answer that stands ends it."""
    with pytest.raises(IncompleteStream):
        fold(Text("a"), DONE, Restarted(2, "cut"), Text("a")).finished()


def test_events_that_run_out_are_no_answer() -> None:
    """A cut is never a short answer."""
    with pytest.raises(IncompleteStream) as caught:
        fold(Text("a")).finished()
    assert caught.value.provider == "p"


def test_signed_reasoning_is_kept_apart_as_the_provider_wants_it_back() -> None:
    """A signature closes the text before it, also an empty one; redacted data stands for itself."""
    answer = fold(
        Reasoning("a"), Reasoning("b"), Reasoning("", signature="s"), Reasoning("", redacted="r"), Text("t"),
        Reasoning("", signature="u"), Reasoning("c"), Reasoning("", redacted="q"), Reasoning("d", signature="v"),
    )  # fmt: skip
    assert answer.reasoning_parts == [
        ResultReasoning(text="ab", signature="s"),
        ResultReasoning(redacted="r"),
        ResultReasoning(text="", signature="u"),
        ResultReasoning(text="c"),
        ResultReasoning(redacted="q"),
        ResultReasoning(text="d", signature="v"),
    ]
    assert answer.reasoning == "abcd"


def test_reasoning_that_nobody_signed_is_only_text() -> None:
    """There is nothing to send back."""
    assert fold(Reasoning("a"), Text("t"), Reasoning("b")).reasoning_parts == []
    assert fold(Reasoning("a", signature="s"), Restarted(2, "cut"), Reasoning("b")).reasoning_parts == []


def test_reasoning_parts_have_a_number() -> None:
    """A provider could otherwise make a result of a hundred thousand records out of signatures."""
    with pytest.raises(AnswerTooLong, match="128 parts of reasoning"):
        fold(*(Reasoning("", signature="s") for _ in range(129)))


def test_vectors_add_up_in_their_order() -> None:
    """They may come in several events; a restart empties them, and one of no model's size ends the answer."""
    assert fold(Embeddings(("a", "b")), Embeddings(("c",))).embeddings == ["a", "b", "c"]
    assert fold(Embeddings(("a",)), Restarted(2, "cut"), Embeddings(("c",))).embeddings == ["c"]
    assert fold(Embeddings(("a" * 43_692,)), most=10**6).embeddings
    with pytest.raises(AnswerTooLong, match="vector"):
        fold(Embeddings(("a" * 43_693,)), most=10**6)


@pytest.mark.parametrize(
    "event",
    [
        Text("x" * 6),
        Reasoning("x" * 6),
        Reasoning("xx", signature="xxxx"),
        Reasoning("", redacted="x" * 6),
        Embeddings(("xxx", "xxx")),
        ToolCallPart(0, None, None, "x" * 6),
    ],
)
def test_an_answer_too_long_is_ended(event: Event) -> None:
    """Whatever of it is long; the sentence names the setting. Exactly the limit is allowed."""
    fold(event, event, most=12)
    with pytest.raises(AnswerTooLong, match="max_answer_characters"):
        fold(event, event, most=11)


events = st.one_of(
    st.builds(Text, st.text(max_size=3)),
    st.builds(Reasoning, st.text(max_size=3)),
    st.builds(ToolCallPart, st.integers(0, 2), st.none() | st.just("i"), st.none() | st.just("n"), st.text(max_size=3)),
    st.builds(Restarted, st.just(2), st.just("x")),
)


@given(st.lists(events))
def test_the_parts_of_an_answer_fold_to_the_same_answer(drawn: list[Event]) -> None:
    """So a stream can be said again from its answer."""
    answer = fold(*drawn)
    again = fold(Reasoning(answer.reasoning), *answer.tool_call_parts, Text(answer.text))
    assert (again.text, again.reasoning, again.tool_calls) == (answer.text, answer.reasoning, answer.tool_calls)
