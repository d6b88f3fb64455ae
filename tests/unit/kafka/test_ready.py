"""Ready queues: every run comes out once, and nobody waits behind another tenant's flood."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streamproc.chain.permit import NotBefore
from streamproc.chain.run import Run
from streamproc.kafka.ready import ReadyQueues
from streamproc.kafka.route_queue import ELSEWHERE
from streamproc.records.identity import RunId
from tests.examples import examples
from tests.fakes import a_run


def run_of(tenant: str, number: int = 0, *, partition: int = 0, **fields: Any) -> Run:
    """A run of a tenant."""
    return a_run(id=RunId("llm.requests", partition, number, 1), tenant=tenant, **fields)


def everybody(run: Run) -> NotBefore | None:
    """Nobody is held."""
    return None


def drain(queues: ReadyQueues) -> list[Run]:
    """All runs that are ready, in the order of their turns."""
    taken = []
    while (run := queues.take(everybody, 0.0)) is not None:
        taken.append(run)
    return taken


def test_a_small_tenant_is_served_in_turn_with_a_large_one() -> None:
    """One run behind a thousand waits for one turn; a model nobody else wants likewise."""
    queues = ReadyQueues()
    for number in range(1000):
        queues.put(run_of("large", number), 0.0)
    small, other = run_of("small"), run_of("large", model="other")
    queues.put(small, 0.0)
    queues.put(other, 0.0)
    first = [queues.take(everybody, 0.0) for _ in range(3)]
    assert small in first
    assert other in first


@given(st.lists(st.integers(1, 30), min_size=1, max_size=8))
def test_rotation_bounds_the_turns_of_every_tenant(sizes: list[int]) -> None:
    """The n-th run of a tenant leaves within n rounds of all tenants; a tenant's own runs leave in order."""
    queues = ReadyQueues()
    for tenant, size in enumerate(sizes):
        for number in range(size):
            queues.put(run_of(str(tenant), number), 0.0)
    taken = drain(queues)
    for name in map(str, range(len(sizes))):
        turns = [turn for turn, run in enumerate(taken) if run.tenant == name]
        assert all(turn < (number + 1) * len(sizes) for number, turn in enumerate(turns))
        assert [run.id.offset for run in taken if run.tenant == name] == list(range(len(turns)))


steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("put"), st.sampled_from("abc"), st.integers(0, 2), st.integers(0, 20), st.integers(0, 20),
            st.integers(1, 99),
        ),
        st.tuples(st.sampled_from(["take", "tick", "due", "expire"])),
        st.tuples(st.just("discard"), st.integers(0, 2)),
    ),
    max_size=60,
)  # fmt: skip


@given(steps)
@examples(150)
def test_every_run_comes_out_exactly_once(drawn: list[tuple[object, ...]]) -> None:
    """By turn, by deadline or with its partition; bytes and counts follow, and nothing leaves before its time."""
    queues, now, number = ReadyQueues(), 0.0, 0
    inside: list[Run] = []
    for step in drawn:
        gone: list[Run] = []
        if step[0] == "put":
            _, tenant, partition, not_before, deadline, size = step
            run = run_of(
                str(tenant), number, partition=partition, not_before=float(not_before), deadline=float(deadline),  # type: ignore[arg-type] # drawn
                size_bytes=size,
            )  # fmt: skip
            number += 1
            queues.put(run, now)
            inside.append(run)
        elif step[0] == "take":
            taken = queues.take(everybody, 0.0)
            gone = [] if taken is None else [taken]
            assert all(run.not_before <= now for run in gone)
        elif step[0] == "tick":
            now += 3
        elif step[0] == "due":
            queues.release_due(now)
            assert queues.waiting == sum(run.not_before > now for run in inside)
        elif step[0] == "expire":
            gone = queues.expired(now)
            assert sorted(run.id.offset for run in gone) == [run.id.offset for run in inside if run.deadline <= now]
        else:
            lost = step[1]
            gone = queues.remove(lambda run, lost=lost: run.id.partition == lost)  # type: ignore[misc] # mypy sees no default
            assert sorted(run.id.offset for run in gone) == [
                run.id.offset for run in inside if run.id.partition == step[1]
            ]
        for run in gone:
            inside.remove(run)
        assert queues.queued_bytes == sum(run.size_bytes for run in inside)
        assert queues.ready + queues.waiting == len(inside)
        assert {run.id for run in queues} == {run.id for run in inside}
    queues.release_due(1000.0)
    assert sorted(run.id.offset for run in drain(queues)) == [run.id.offset for run in inside]
    assert repr(queues) == "ReadyQueues(ready=0, waiting=0, bytes=0)"


def test_runs_that_wait_come_in_the_order_of_their_time() -> None:
    """They take no place in the rotation before it, and the next time is known."""
    queues = ReadyQueues()
    late, soon = run_of("a", 1, not_before=20.0), run_of("a", 2, not_before=10.0)
    queues.put(late, 0.0)
    queues.put(soon, 0.0)
    assert queues.take(everybody, 0.0) is None
    assert queues.next_time(0.0) == 10.0
    queues.release_due(9.99)
    assert queues.take(everybody, 0.0) is None
    queues.release_due(10.0)
    assert queues.take(everybody, 0.0) is soon
    assert queues.next_time(0.0) == 20.0
    queues.release_due(20.0)
    assert queues.take(everybody, 0.0) is late
    assert queues.next_time(0.0) is None


def test_what_stays_keeps_its_order_and_its_time() -> None:
    """Taking expired runs out moves no other: neither in its queue nor in time."""
    queues = ReadyQueues()
    kept = [run_of("a", 1), run_of("a", 3), run_of("a", 4, not_before=5.0)]
    for run in (kept[0], run_of("a", 2, deadline=1.0), kept[1], kept[2]):
        queues.put(run, 0.0)
    assert [run.id.offset for run in queues.expired(1.0)] == [2]
    assert queues.take(everybody, 0.0) is kept[0]
    assert queues.take(everybody, 0.0) is kept[1]
    assert queues.take(everybody, 0.0) is None
    queues.release_due(5.0)
    assert queues.take(everybody, 0.0) is kept[2]


def test_a_run_that_belongs_elsewhere_uses_up_no_turn() -> None:
    """Of its tenant or its route: those that were only put aside cost their neighbours most of the slots."""
    queues = ReadyQueues()
    for offset in range(20):
        queues.put(a_run(offset, tenant=f"slow-{offset}"), 0.0)
    waits = a_run(30, tenant="b")
    other = a_run(31, tenant="c", model="n")
    queues.put(waits, 0.0)
    queues.put(other, 0.0)
    taken = queues.take(lambda run: ELSEWHERE if run.tenant.startswith("slow") else None, 0.0)
    assert (taken, len(queues.aside)) == (waits, 20)
    assert queues.take(everybody, 0.0) is other
    assert (queues.ready, queues.queued_bytes, len(list(queues))) == (0, 0, 0)
