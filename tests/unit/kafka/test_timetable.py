"""The timetable: whatever is taken out early leaves no trace, and the rest comes in the order of its times."""

from hypothesis import given
from hypothesis import strategies as st

from streamproc.kafka.timetable import Timetable

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 8), st.integers(0, 6)),
        st.tuples(st.just("discard"), st.integers(0, 8)),
        st.tuples(st.just("due"), st.integers(0, 6)),
    ),
    max_size=80,
)


@given(STEPS)
def test_it_is_a_list_that_is_kept_sorted(steps: list[tuple[str, int, int] | tuple[str, int]]) -> None:
    """By time, and by arrival among those of one time; a thing that is put again is at its new place alone."""
    table: Timetable[int] = Timetable()
    model: list[tuple[int, int]] = []  # times and things, in the order of their arrival
    for step in steps:
        if step[0] == "put":
            _, thing, at = step  # type: ignore[misc] # drawn
            table.put(thing, float(at))
            model = [*(one for one in model if one[1] != thing), (at, thing)]
        elif step[0] == "discard":
            at_before = {thing: at for at, thing in model}.get(step[1])
            assert table.discard(step[1]) == at_before
            model = [one for one in model if one[1] != step[1]]
        else:
            due = sorted((one for one in model if one[0] <= step[1]), key=lambda one: one[0])
            assert list(table.take_due(float(step[1]))) == [thing for _, thing in due]
            model = [one for one in model if one not in due]
        first = min(model, key=lambda one: one[0], default=(float("inf"), None))
        assert (table.first_time(), table.first()) == first
        assert (len(table), set(table)) == (len(model), {thing for _, thing in model})


def test_what_left_early_is_not_kept() -> None:
    """Ten thousand pass through beside one that stays: the heap held them all until its time."""
    table: Timetable[int] = Timetable()
    table.put(-1, 10.0**6)
    for number in range(10_000):
        table.put(number, 600.0 + number)
        table.discard(number)
    assert len(table._heap) < 100
    assert table.first() == -1
