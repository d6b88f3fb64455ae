"""Room for all partitions together."""

from dataclasses import dataclass, field

from streamproc.embedded.memory import Memory


@dataclass
class Holder:
    """Gives back byte by byte, down to what it may not give."""

    size: int
    kept: int = 0
    memory: Memory = field(default_factory=lambda: Memory(0, list))

    def trim(self, size: int) -> int:
        freed = max(0, self.size - max(size, self.kept))
        self.size -= freed
        self.memory.used -= freed
        return freed


def memory(limit: int, *holders: Holder) -> Memory:
    """With these holders, which are counted."""
    made = Memory(limit, lambda: holders)
    made.used = sum(holder.size for holder in holders)
    for holder in holders:
        holder.memory = made
    return made


def test_nothing_goes_while_there_is_room() -> None:
    """Up to the last byte."""
    holder = Holder(90)
    assert memory(100, holder).make_room(10)
    assert holder.size == 90


def test_the_largest_give_until_they_are_alike() -> None:
    """Two large ones share what is missing, the small one gives nothing."""
    small, large, larger = Holder(100), Holder(400), Holder(500)
    assert memory(1_000, small, large, larger).make_room(200)
    assert small.size == 100
    assert abs(large.size - larger.size) < 100
    assert small.size + large.size + larger.size <= 800


def test_who_can_give_nothing_is_passed_over() -> None:
    """The next one is asked."""
    stuck, free = Holder(600, kept=600), Holder(400)
    assert memory(1_000, stuck, free).make_room(300)
    assert stuck.size == 600
    assert free.size <= 100


def test_without_anything_to_give_there_is_no_room() -> None:
    """And it is said, not waited for."""
    assert not memory(1_000, Holder(600, kept=600), Holder(400, kept=350)).make_room(300)
