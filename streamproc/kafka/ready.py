"""Ready queues: validated runs that wait for a slot, one queue for each (route, tenant), served in rotation.

Runs that may not start yet lie beside them, ordered by time, and take no place in the rotation. Pure: no waiting,
no clock of its own.
"""

import heapq
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from itertools import count
from math import inf

from streamproc.chain.run import Run

__all__ = ["ReadyQueues"]


class ReadyQueues:
    """Every run put in comes out once: by `take`, `expired` or `remove`."""

    def __init__(self) -> None:
        self._queues: OrderedDict[tuple[str, str], deque[Run]] = OrderedDict()
        self._later: list[tuple[float, int, Run]] = []
        self._ticket = count()
        self._earliest = inf  # no queued run has an earlier deadline
        self.ready = 0
        self.queued_bytes = 0

    def __repr__(self) -> str:
        return f"ReadyQueues(ready={self.ready}, waiting={self.waiting}, bytes={self.queued_bytes})"

    @property
    def waiting(self) -> int:
        """Runs that may not start yet."""
        return len(self._later)

    def put(self, run: Run, now: float) -> None:
        """Adds a run to the end of its queue, or beside the queues until its `not_before`."""
        self.queued_bytes += run.size_bytes
        self._earliest = min(self._earliest, run.deadline)
        if run.not_before > now:
            heapq.heappush(self._later, (run.not_before, next(self._ticket), run))
        else:
            self._append(run)

    def _append(self, run: Run) -> None:
        self._queues.setdefault((run.route, run.tenant), deque()).append(run)
        self.ready += 1

    def release_due(self, now: float) -> None:
        """Moves runs whose time has come into their queues."""
        while self._later and self._later[0][0] <= now:
            self._append(heapq.heappop(self._later)[2])

    def wake(self, run: Run) -> bool:
        """Moves a run into its queue before its time; False when it does not wait here."""
        kept = [entry for entry in self._later if entry[2] is not run]
        if len(kept) == len(self._later):
            return False
        heapq.heapify(kept)
        self._later = kept
        self._append(run)
        return True

    def take(self) -> Run | None:
        """The head of the next queue in rotation."""
        if not self._queues:
            return None
        key, queue = next(iter(self._queues.items()))
        run = queue.popleft()
        if queue:
            self._queues.move_to_end(key)
        else:
            del self._queues[key]
        self.ready -= 1
        self.queued_bytes -= run.size_bytes
        return run

    def later(self) -> Iterator[Run]:
        """Runs that may not start yet, in no order."""
        return (run for _, _, run in self._later)

    def next_time(self) -> float | None:
        """Unix time when the next waiting run becomes due."""
        return self._later[0][0] if self._later else None

    def expired(self, now: float) -> list[Run]:
        """Takes out every run whose deadline has passed; looks at the runs only when one may have."""
        if now < self._earliest:
            return []
        gone = self.remove(lambda run: run.deadline <= now)
        self._earliest = min((run.deadline for run in self), default=inf)
        return gone

    def remove(self, is_gone: Callable[[Run], bool]) -> list[Run]:
        """Takes out every run of which this is true."""
        gone = [run for run in self if is_gone(run)]
        if gone:
            kept = [(run, due) for run, due in self._entries() if not is_gone(run)]
            self._queues.clear()
            self._later.clear()
            self.ready = self.queued_bytes = 0
            for run, due in kept:
                self.queued_bytes += run.size_bytes
                if due is None:
                    self._append(run)
                else:
                    heapq.heappush(self._later, (due, next(self._ticket), run))
        return gone

    def _entries(self) -> Iterator[tuple[Run, float | None]]:
        for queue in self._queues.values():
            for run in queue:
                yield run, None
        for due, _, run in sorted(self._later, key=lambda entry: entry[:2]):
            yield run, due

    def __iter__(self) -> Iterator[Run]:
        return (run for run, _ in self._entries())
