"""Counters and histograms that one thread fills and another one reads, for prometheus-client to show.

prometheus-client's own take a lock and check what they are told at each turn, 15 µs for one request against 6 here.
Only the event loop writes. A scrape copies under the interpreter's lock, so it may see the first half of what one call
adds, as with prometheus-client's own.
"""

from bisect import bisect_left
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

__all__ = ["Cell", "Counts", "Series", "Spread"]

Labels = tuple[str, ...]
"""Values of a metric's labels, in the order of their names."""


class Cell:
    """A sum; who adds often keeps it, and adds to its `value`."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0


class Counts:
    """A counter: a sum for each set of labels that was asked for. Without labels there is one from the start."""

    def __init__(self, name: str, meaning: str, labels: Labels, created: float) -> None:
        """`created` is when it began to count, unix seconds."""
        self._name = name
        self._meaning = meaning
        self._labels = labels
        self._created = created
        self._cells: dict[Labels, Cell] = {} if labels else {(): Cell()}

    def at(self, labels: Labels) -> Cell:
        """The sum of these labels, which is shown from now on."""
        cell = self._cells.get(labels)
        if cell is None:
            cell = self._cells[labels] = Cell()
        return cell

    def add(self, labels: Labels = (), amount: float = 1.0) -> None:
        """Adds to one sum."""
        cell = self._cells.get(labels)
        (self.at(labels) if cell is None else cell).value += amount

    def collect(self) -> Metric:
        """All sums at this moment."""
        family = CounterMetricFamily(self._name, self._meaning, labels=self._labels)
        for labels, cell in list(self._cells.items()):
            family.add_metric(labels, cell.value, created=self._created)
        return family


class Series:
    """How many values lie at or below each edge, and their sum; who adds often keeps it."""

    __slots__ = ("_edges", "counts", "total")

    def __init__(self, edges: tuple[float, ...]) -> None:
        self._edges = edges
        self.counts = [0] * (len(edges) + 1)
        """For each edge, and last for what is above all of them."""
        self.total = 0.0

    def add(self, value: float) -> None:
        """Adds one value."""
        self.counts[bisect_left(self._edges, value)] += 1
        self.total += value


class Spread:
    """A histogram: a series for each set of labels that was asked for. Without labels there is one from the start."""

    def __init__(self, name: str, meaning: str, edges: tuple[float, ...], labels: Labels, created: float) -> None:
        """`edges` ascend; `created` is when it began to count, unix seconds."""
        self._name = name
        self._meaning = meaning
        self._edges = edges
        self._shown = [*(str(float(edge)) for edge in edges), "+Inf"]
        self._labels = labels
        self._created = created
        self._series: dict[Labels, Series] = {} if labels else {(): Series(edges)}

    def at(self, labels: Labels) -> Series:
        """The series of these labels, which is shown from now on."""
        series = self._series.get(labels)
        if series is None:
            series = self._series[labels] = Series(self._edges)
        return series

    def add(self, value: float, labels: Labels = ()) -> None:
        """Adds one value."""
        self.at(labels).add(value)

    def collect(self) -> Metric:
        """All series at this moment."""
        family = HistogramMetricFamily(self._name, self._meaning, labels=self._labels)
        for labels, series in list(self._series.items()):
            counts, total = series.counts.copy(), series.total
            family.add_metric(labels, list(zip(self._shown, accumulate(counts), strict=True)), total)
            names = dict(zip(self._labels, labels, strict=True))
            family.add_sample(f"{self._name}_created", names, self._created)
        return family
