"""Order by key: of the runs of one record key in one partition the next starts when the one before has its end. Pure.

Runs come in the order of their offsets. The first of a line is its head wherever it is: in its queue, in a slot, or
waiting once more; only its end makes the next one the head.
"""

from collections import OrderedDict

from streamproc.chain.run import Run

__all__ = ["KeyOrder"]


class KeyOrder:
    """Lines of runs, one for each key; a run without a key stands in none."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, int, bytes], OrderedDict[Run, None]] = {}

    def __len__(self) -> int:
        return len(self._lines)

    def join(self, run: Run) -> bool:
        """Puts a run to the end of its line, unless it stands there already; whether another one is before it."""
        if run.order_key is None:
            return False
        line = self._lines.setdefault(run.order_key, OrderedDict())
        line.setdefault(run)
        return next(iter(line)) is not run

    def leave(self, run: Run) -> Run | None:
        """A run has its end, or is lost; the head of those that are left in its line, which may be a new one."""
        line = None if run.order_key is None else self._lines.get(run.order_key)
        if run.order_key is None or line is None or run not in line:
            return None
        del line[run]
        if not line:
            del self._lines[run.order_key]
            return None
        return next(iter(line))
