"""Metrics for Prometheus: counters from what happens, gauges from what the worker is at the moment of a scrape.

Dollars here are floats for graphs and alarms; the bill is the usage topic.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar, cast

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric

from streamproc.observe.events import (
    CallEnded,
    CallLost,
    Committed,
    DeadLettered,
    Happening,
    PublishBroke,
    RetryPlanned,
    RunDeferred,
    RunEnded,
    RunWaits,
)
from streamproc.observe.labels import BoundedLabel
from streamproc.records.usage import UsageLine

__all__ = ["Metrics", "PartitionState", "WorkerState"]

_Metric = TypeVar("_Metric", Counter, Histogram)

_TOKEN_KINDS = ("input", "output", "cached_input", "cache_write", "reasoning")
_NANOS_PER_DOLLAR = 1_000_000_000

# Upper edges in seconds; the last ones are the default deadlines of a call (120) and of a run (600).
_CALL_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60, 120)
_FIRST_TOKEN_SECONDS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10, 30, 60)
_RUN_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60, 120, 300, 600)
_COMMIT_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


@dataclass(frozen=True, slots=True)
class PartitionState:
    """A partition this worker owns.

    `lag` is the number of records from the first unfinished one on, None when the end offset is not known; `window` is
    the span of offsets from the commit position to the highest record taken.
    """

    topic: str
    partition: int
    lag: int | None
    window: int
    ready: bool
    paused: bool


@dataclass(frozen=True, slots=True)
class WorkerState:
    """What the worker holds right now: runs by where they are, bytes, and the partitions it owns.

    `queued` runs are ready for a slot, `waiting` runs may not start yet; `buffered_bytes` are chunks that Kafka
    has not acknowledged.
    """

    running: int
    queued: int
    waiting: int
    queued_bytes: int
    buffered_bytes: int
    partitions: tuple[PartitionState, ...]


class Metrics:
    """An observer that counts, on a registry of its own.

    Every label has a bound: tenants and models beyond the first `max_tenants` and `max_models` share the label
    "other"; all other labels come from the settings or from our own code.

    Args:
        registry: gets every metric; one registry serves one worker.
        state: is called at each scrape, in the thread of the metrics port and beside the event loop. It must only
            read plain numbers and copy the list of partitions, and neither wait nor change anything.
        max_tenants: distinct values of the label `tenant`.
        max_models: distinct values of the label `model`.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        state: Callable[[], WorkerState],
        *,
        max_tenants: int = 200,
        max_models: int = 200,
    ) -> None:
        self._tenants = BoundedLabel(max_tenants)
        self._models = BoundedLabel(max_models)
        self._children: dict[tuple[Counter | Histogram, tuple[str, ...]], Counter | Histogram] = {}

        def counter(name: str, meaning: str, *labels: str) -> Counter:
            return Counter(name, meaning, labels, registry=registry)

        def histogram(name: str, meaning: str, edges: tuple[float, ...], *labels: str) -> Histogram:
            return Histogram(name, meaning, labels, registry=registry, buckets=edges)

        self._tokens = counter(
            "llm_tokens_total",
            "Tokens by kind; input includes cached_input and cache_write, output includes reasoning.",
            "provider",
            "model",
            "kind",
        )
        self._cost = counter(
            "llm_cost_dollars_total", "Cost of calls with a known price, US dollars.", "provider", "model", "tenant"
        )
        self._calls = counter("llm_calls_total", "Calls to providers by outcome.", "provider", "model", "outcome")
        self._call_seconds = histogram(
            "llm_call_seconds", "From a call's request to its end.", _CALL_SECONDS, "provider", "model"
        )
        self._first_token_seconds = histogram(
            "llm_first_token_seconds",
            "From a call's request to its first token.",
            _FIRST_TOKEN_SECONDS,
            "provider",
            "model",
        )
        self._unpriced = counter("llm_unpriced_calls_total", "Usage lines whose cost is not known.")
        self._runs = counter("streamproc_runs_total", "Runs by status of their terminal result.", "status")
        self._run_seconds = histogram(
            "streamproc_run_seconds", "From taking a record to its terminal result.", _RUN_SECONDS
        )
        self._retries = counter("streamproc_retries_total", "Further tries of a call.", "provider", "code")
        self._restarts = counter("streamproc_restarts_total", "Retries after the first token, visible to readers.")
        self._waits = counter("streamproc_waits_total", "Returns of a run to its ready queue.", "code")
        self._deferred = counter("streamproc_deferred_runs_total", "Runs moved to the topic of deferred runs.")
        self._errors = counter("streamproc_errors_total", "Runs that ended with an error.", "code")
        self._lost_calls = counter(
            "llm_lost_calls", "Calls of former owners of a partition, billed by this worker.", "provider", "model"
        )
        self._dead_letters = counter("streamproc_dead_letters_total", "Records that were no valid request.", "code")
        self._commit_seconds = histogram(
            "streamproc_commit_seconds", "Duration of a commit's transaction.", _COMMIT_SECONDS
        )
        self._commits = counter("streamproc_commits_total", "Commits of results together with their offset.")
        self._publish_broken = counter("streamproc_publish_broken_total", "Producers that broke and were replaced.")
        registry.register(_Gauges(state))

    def saw(self, happening: Happening) -> None:  # noqa: C901 one case for each happening
        """Counts it. Called from one thread only, the event loop's."""
        match happening:
            case CallEnded():
                self._count_call(happening)
            case CallLost(line):
                self._child(self._lost_calls, line.provider, self._models.label(line.model)).inc()
                self._count_line(line)
            case RunEnded():
                self._count_run(happening)
            case RetryPlanned():
                self._child(self._retries, happening.provider, happening.code).inc()
                if happening.restart:
                    self._restarts.inc()
            case RunWaits():
                self._child(self._waits, happening.code).inc()
            case RunDeferred():
                self._deferred.inc()
            case DeadLettered():
                self._child(self._dead_letters, happening.code).inc()
            case Committed():
                self._commits.inc()
                self._commit_seconds.observe(happening.seconds)
            case PublishBroke():
                self._publish_broken.inc()
            case _:
                pass  # the gauges show which partitions are owned, and their state; the log tells of control topics

    def _count_run(self, ended: RunEnded) -> None:
        self._child(self._runs, ended.status).inc()
        self._run_seconds.observe(ended.seconds)
        if ended.code is not None:
            self._child(self._errors, ended.code).inc()

    def _count_call(self, ended: CallEnded) -> None:
        provider, model = ended.provider, self._models.label(ended.model)
        self._child(self._calls, provider, model, ended.outcome).inc()
        self._child(self._call_seconds, provider, model).observe(ended.seconds)
        if ended.first_token_seconds is not None:
            self._child(self._first_token_seconds, provider, model).observe(ended.first_token_seconds)
        if ended.line is not None:
            self._count_line(ended.line)

    def _count_line(self, line: UsageLine) -> None:
        provider, model = line.provider, self._models.label(line.model)
        for kind in _TOKEN_KINDS:
            count: int | None = getattr(line.tokens, kind)
            if count is not None:
                self._child(self._tokens, provider, model, kind).inc(count)
        if line.cost_nanos is None:
            self._unpriced.inc()
        else:
            tenant = self._tenants.label(line.tenant)
            self._child(self._cost, provider, model, tenant).inc(line.cost_nanos / _NANOS_PER_DOLLAR)

    def _child(self, metric: _Metric, *labels: str) -> _Metric:
        # Found once: prometheus-client checks and locks each time it is asked. All labels have a bound.
        child = self._children.get((metric, labels))
        if child is None:
            child = self._children[metric, labels] = metric.labels(*labels)
        return cast("_Metric", child)


class _Gauges:
    """Reads the state at each scrape, so a partition that was given away vanishes and an unknown lag is absent."""

    def __init__(self, state: Callable[[], WorkerState]) -> None:
        self._state = state

    def describe(self) -> Iterator[Metric]:
        """Names the gauges without reading the state, which may not exist yet at registration."""
        return _gauges(WorkerState(0, 0, 0, 0, 0, ()))

    def collect(self) -> Iterator[Metric]:
        return _gauges(self._state())


def _gauges(state: WorkerState) -> Iterator[Metric]:
    yield GaugeMetricFamily("streamproc_runs_in_flight", "Runs that hold a slot.", state.running)
    yield GaugeMetricFamily("streamproc_runs_queued", "Runs that are ready and have no slot.", state.queued)
    yield GaugeMetricFamily("streamproc_runs_waiting", "Runs that may not start yet.", state.waiting)
    yield GaugeMetricFamily("streamproc_queued_bytes", "Request bytes of runs without a slot.", state.queued_bytes)
    yield GaugeMetricFamily(
        "streamproc_publisher_buffered_bytes", "Chunk bytes not yet acknowledged by Kafka.", state.buffered_bytes
    )

    def by_partition(name: str, meaning: str, read: Callable[[PartitionState], int | None]) -> Metric:
        family = GaugeMetricFamily(name, meaning, labels=("topic", "partition"))
        for part in state.partitions:
            value = read(part)
            if value is not None:
                family.add_metric((part.topic, str(part.partition)), value)
        return family

    yield by_partition("streamproc_partition_lag", "Records from the first unfinished one on.", lambda part: part.lag)
    yield by_partition("streamproc_partition_window", "Span of unfinished offsets.", lambda part: part.window)
    yield by_partition("streamproc_partition_ready", "1 when claimed and open for work.", lambda part: part.ready)
    yield by_partition("streamproc_partition_paused", "1 when a cap holds it back.", lambda part: part.paused)
