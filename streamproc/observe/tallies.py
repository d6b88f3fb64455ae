"""Counters and histograms that one thread fills and another one reads, for prometheus-client to show.

prometheus-client's own take a lock and check what they are told at each turn, 15 µs for one request against 6 here.
Only the event loop writes. A scrape copies under the interpreter's lock, so it may see the first half of what one call
adds, as with prometheus-client's own.
"""

from bisect import bisect_left
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

__all__ = ["Counts", "Spread"]

Labels = tuple[str, ...]
"""Values of a metric's labels, in the order of their names."""


class Counts:
    """A counter: a sum for each set of labels that was seen. Without labels there is one from the start."""

    def __init__(self, name: str, meaning: str, labels: Labels, created: float) -> None:
        """`created` is when it began to count, unix seconds."""
        self._name = name
        self._meaning = meaning
        self._labels = labels
        self._created = created
        self._sums: dict[Labels, float] = {} if labels else {(): 0.0}

    def add(self, labels: Labels = (), amount: float = 1.0) -> None:
        """Adds to one sum."""
        self._sums[labels] = self._sums.get(labels, 0.0) + amount

    def collect(self) -> Metric:
        """All sums at this moment."""
        family = CounterMetricFamily(self._name, self._meaning, labels=self._labels)
        for labels, value in list(self._sums.items()):
            family.add_metric(labels, value, created=self._created)
        return family


class Spread:
    """A histogram: how many values lie at or below each edge, and their sum, for each set of labels that was seen."""

    def __init__(self, name: str, meaning: str, edges: tuple[float, ...], labels: Labels, created: float) -> None:
        """`edges` ascend; `created` is when it began to count, unix seconds."""
        self._name = name
        self._meaning = meaning
        self._edges = edges
        self._shown = [*(str(float(edge)) for edge in edges), "+Inf"]
        self._labels = labels
        self._created = created
        # A count for each edge, one for what is above all of them, and last the sum.
        self._series: dict[Labels, list[float]] = {} if labels else {(): self._empty()}

    def _empty(self) -> list[float]:
        return [0.0] * (len(self._edges) + 2)

    def add(self, value: float, labels: Labels = ()) -> None:
        """Adds one value."""
        series = self._series.get(labels)
        if series is None:
            series = self._series[labels] = self._empty()
        series[bisect_left(self._edges, value)] += 1
        series[-1] += value

    def collect(self) -> Metric:
        """All series at this moment."""
        family = HistogramMetricFamily(self._name, self._meaning, labels=self._labels)
        for labels, series in list(self._series.items()):
            *counts, total = series.copy()
            family.add_metric(labels, list(zip(self._shown, accumulate(counts), strict=True)), total)
            names = dict(zip(self._labels, labels, strict=True))
            family.add_sample(f"{self._name}_created", names, self._created)
        return family
