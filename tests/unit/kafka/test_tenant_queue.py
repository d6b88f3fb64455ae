"""One tenant's queue: urgent runs first, and yet none waits for ever."""

from hypothesis import given
from hypothesis import strategies as st

from streamproc.kafka.tenant_queue import TenantQueue
from tests.fakes import a_request, a_run


def a_queue(*priorities: int | None) -> TenantQueue:
    """Runs of these priorities, numbered by their offsets."""
    queue = TenantQueue()
    for number, priority in enumerate(priorities):
        queue.put(a_run(number, request=a_request(priority=priority)))
    return queue


def drain(queue: TenantQueue) -> list[int]:
    """Offsets in the order of their turns."""
    taken = []
    while queue:
        first = queue.first()
        assert queue.take() is first
        taken.append(first.offset)
    return taken


def test_a_higher_priority_goes_first_and_keeps_its_order() -> None:
    """Who says nothing has the one in the middle, 5."""
    assert drain(a_queue(1, 9, None, 5, 9, 0, 6)) == [1, 4, 6, 2, 3, 0, 5]


def test_the_eighth_is_the_one_that_has_waited_longest() -> None:
    """A flood of urgent ones lets one of the others through after each seven."""
    queue = a_queue(0, 0, *[9] * 20)
    taken = drain(queue)
    assert taken[7] == 0
    assert taken[15] == 1


@given(st.lists(st.one_of(st.none(), st.integers(0, 9)), max_size=60), st.data())
def test_nobody_waits_longer_than_the_rule_says(steps: list[int | None], data: st.DataObject) -> None:
    """A run with n older ones before it is among the next 8 (n + 1); within a priority all keep their order."""
    queue, number = TenantQueue(), 0
    waiting: dict[int, tuple[int, int]] = {}  # by offset: the priority, and turns left by the rule
    taken: list[tuple[int, int]] = []
    for priority in steps:
        if priority is None and queue:
            offset = queue.take().offset
            taken.append((waiting.pop(offset)[0], offset))
            waiting = {one: (what, left - 1) for one, (what, left) in waiting.items()}
            assert all(left > 0 for _, left in waiting.values())
        elif priority is not None:
            waiting[number] = (priority, 8 * (len(waiting) + 1))
            queue.put(a_run(number, request=a_request(priority=priority)))
            number += 1
    assert all(
        earlier[1] < later[1]
        for index, earlier in enumerate(taken)
        for later in taken[index:]
        if earlier[0] == later[0] and earlier != later
    )
    if waiting:
        gone = data.draw(st.sampled_from(sorted(waiting)))
        runs = {run.offset: run for level in queue._levels.values() for run in level}
        queue.discard(runs[gone])
        assert sorted(drain(queue)) == sorted(waiting.keys() - {gone})
