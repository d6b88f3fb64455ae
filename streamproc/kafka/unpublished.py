"""What is finished in a partition and not stored yet: runs in the order of their ends, and bills of lost calls."""

from collections.abc import Callable, Iterator
from itertools import chain
from math import inf
from typing import NamedTuple

from streamproc.records.outgoing import Outgoing

__all__ = ["Portion", "Unpublished"]


class Portion(NamedTuple):
    """What one transaction takes.

    Attributes:
        runs: each an offset, None for bills without it, and records.
        lost: usage lines of former owners' calls, by their ids.
    """

    runs: tuple[tuple[int | None, tuple[Outgoing, ...]], ...]
    lost: dict[str, Outgoing]

    @property
    def offsets(self) -> set[int]:
        """Those that are finished with it."""
        return {offset for offset, _ in self.runs if offset is not None}

    @property
    def records(self) -> Iterator[Outgoing]:
        """All of them."""
        return chain(chain.from_iterable(records for _, records in self.runs), self.lost.values())

    @property
    def size(self) -> int:
        """Of runs and of lost calls together."""
        return len(self.runs) + len(self.lost)


class Unpublished:
    """Keeps it until a commit is known to have stored it."""

    def __init__(self) -> None:
        self._runs: list[tuple[int | None, tuple[Outgoing, ...]]] = []
        self.lost: dict[str, Outgoing] = {}

    def add(self, offset: int | None, records: tuple[Outgoing, ...]) -> None:
        """A run that is over, or bills without an offset."""
        self._runs.append((offset, records))

    @property
    def runs(self) -> int:
        """How many wait."""
        return len(self._runs)

    @property
    def size(self) -> int:
        """How many runs and lost calls."""
        return len(self._runs) + len(self.lost)

    def all(self) -> Portion:
        """Everything."""
        return Portion(tuple(self._runs), dict(self.lost))

    def portion(self, may_leave: Callable[[int], bool], max_bytes: float = inf) -> Portion:
        """The first of it, as much as fits into so many bytes, and at least one run or lost call.

        The records of a run stay together: its result and its bills are one fact. From the first run on that may not
        leave, by its offset, all runs wait.
        """
        runs: list[tuple[int | None, tuple[Outgoing, ...]]] = []
        lost: dict[str, Outgoing] = {}
        for offset, records in self._runs:
            if offset is not None and not may_leave(offset):
                break
            max_bytes -= sum([record.size_bytes() for record in records])
            if max_bytes < 0 and runs:
                return Portion(tuple(runs), lost)
            runs.append((offset, records))
        for usage_id, record in self.lost.items():
            max_bytes -= record.size_bytes()
            if max_bytes < 0 and (runs or lost):
                break
            lost[usage_id] = record
        return Portion(tuple(runs), lost)

    def forget(self, portion: Portion) -> None:
        """It is stored; it was the first."""
        del self._runs[: len(portion.runs)]
        for usage_id in portion.lost:
            self.lost.pop(usage_id, None)

    def drop(self, is_stored: Callable[[int], bool]) -> set[int]:
        """Forgets runs that a transaction of unknown outcome did store; gives their offsets.

        Bills without an offset and those of lost calls go as well: whether they were stored is looked up once more.
        """
        finished = self.all().offsets
        stored = {offset for offset in finished if is_stored(offset)}
        self._runs = [run for run in self._runs if run[0] in finished - stored]
        return stored
