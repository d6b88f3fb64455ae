"""The stores that workers share, as metrics tell of them."""

from collections.abc import Callable

from streamproc.observe.events import LedgerChanged, SharedLimitsChanged
from streamproc.observe.tallies import Counts

__all__ = ["StoreCounts"]


class StoreCounts:
    """How often the Redis of the budgets and that of the limits changed, as this worker saw them."""

    def __init__(self, counter: Callable[..., Counts]) -> None:
        """`counter` makes one from its name, its meaning and the names of its labels."""
        self._ledger = counter(
            "llm_ledger_changes", "Changes of the Redis ledger's view, as this worker saw them.", "state"
        )
        self._limits = counter(
            "streamproc_shared_limits_changes_total", "Changes of the Redis that limits are leased from.", "state"
        )

    def saw(self, happening: LedgerChanged | SharedLimitsChanged) -> None:
        """Counts it."""
        counts = self._ledger if isinstance(happening, LedgerChanged) else self._limits
        counts.add((happening.state,))
