"""The billing job's metrics for Prometheus."""

import time
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric

from streamproc.billing.happenings import BatchStored, Happening, LineConflicts, RecordsMissed, RecordUnreadable
from streamproc.observe.tallies import Counts, Spread

__all__ = ["BillingMetrics"]

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class BillingMetrics:
    """An observer that counts, on a registry of its own.

    Args:
        registry: gets every metric.
        now: unix time in seconds, for the time since which a series counts.
    """

    def __init__(self, registry: CollectorRegistry, *, now: Callable[[], float] = time.time) -> None:
        created = now()

        def counter(name: str, meaning: str) -> Counts:
            return Counts(f"streamproc_billing_{name}_total", meaning, (), created)

        self._lines = counter("lines", "Usage lines put on the bill.")
        self._repeated = counter("repeated_lines", "Usage lines that were on the bill already.")
        self._conflicts = counter("conflicts", "Usage lines that say something else under the id of another one.")
        self._unreadable = counter("unreadable", "Records of the usage topic that were passed over.")
        self._missed = counter("missed_records", "Offsets of the usage topic that were gone before they were read.")
        self._seconds = Spread(
            "streamproc_billing_commit_seconds", "Seconds to read and store a batch.", _SECONDS, (), created
        )
        self._behind = 0
        registry.register(self)

    def saw(self, happening: Happening) -> None:
        """Counts it."""
        match happening:
            case BatchStored(lines, repeated, behind, seconds):
                self._lines.add(amount=lines)
                self._repeated.add(amount=repeated)
                self._seconds.add(seconds)
                self._behind = behind
            case LineConflicts():
                self._conflicts.add()
            case RecordUnreadable():
                self._unreadable.add()
            case RecordsMissed(_, _, offset, until):
                self._missed.add(amount=until - offset)
            case _:
                pass  # the log tells

    def collect(self) -> Iterator[Metric]:
        """All of them at this moment."""
        for tally in (self._lines, self._repeated, self._conflicts, self._unreadable, self._missed, self._seconds):
            yield tally.collect()
        yield GaugeMetricFamily(
            "streamproc_billing_lag", "Offsets of the usage topic that are not on the bill yet.", value=self._behind
        )
