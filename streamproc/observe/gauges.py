"""What a worker holds at the moment of a scrape, and how it is shown."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily

__all__ = [
    "BudgetState",
    "CacheSizes",
    "ConnectionState",
    "FactorState",
    "PartitionState",
    "StandingState",
    "WorkerState",
    "gauges",
]


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
class ConnectionState:
    """The connections to one provider: how many there are now, and what happened since the start.

    `active` are in use or being opened, `idle` wait for their next call, `waiting` calls wait for a connection; None
    where the engine does not tell. `waits` calls, which found none idle, waited `waited_seconds` together until one was
    free or open, or until they gave up. `errors` are counted by their code.
    """

    provider: str
    active: int | None
    idle: int | None
    waiting: int | None
    waits: int | None
    waited_seconds: float | None
    errors: Mapping[str, int]


class CacheSizes(NamedTuple):
    """The store of answers in this process: how many, their bytes, and how many had to go for others."""

    entries: int
    used_bytes: int
    evicted: int


@dataclass(frozen=True, slots=True)
class FactorState:
    """How many tokens a model makes of what our own tokenizer counts, learned from usage; None is not yet known.

    `side` is `input` or `output`; `error_percent` is the median distance of the factor from the samples after it.
    """

    provider: str
    model: str
    side: str
    percent: int | None
    error_percent: float | None


@dataclass(frozen=True, slots=True)
class BudgetState:
    """A budget in its current window, in US dollars or tokens as `unit` says. `is_stopped`: no new calls."""

    scope: str
    window: str
    unit: str
    used: float
    reserved: float
    cap: float
    is_stopped: bool


@dataclass(frozen=True, slots=True)
class StandingState:
    """How one credential stands with one model: `breaker` is the state of its breaker.

    `running` calls hold a permit; `allowed` is how many may, as the provider's refusals taught; None: nothing did.
    """

    provider: str
    credential: str
    model: str
    breaker: str
    running: int
    allowed: float | None


@dataclass(frozen=True, slots=True)
class WorkerState:
    """What the worker holds right now: runs by where they are, bytes, the partitions it owns, and connections.

    `queued` runs are ready for a slot, `waiting` runs may not start yet; `buffered_bytes` are chunks that Kafka
    has not acknowledged.
    """

    running: int
    queued: int
    waiting: int
    queued_bytes: int
    buffered_bytes: int
    partitions: tuple[PartitionState, ...]
    connections: tuple[ConnectionState, ...] = ()
    budgets: tuple[BudgetState, ...] = ()
    factors: tuple[FactorState, ...] = ()
    standings: tuple[StandingState, ...] = ()
    cache: CacheSizes | None = None


def gauges(state: WorkerState) -> Iterator[Metric]:
    """All of it, as prometheus-client shows it; what is not known is absent."""
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
    yield from _connections(state.connections)
    yield from _factors(state.factors)
    yield from _budgets(state.budgets)
    yield from _standings(state.standings)
    if state.cache is not None:
        yield GaugeMetricFamily("streamproc_cache_entries", "Answers in memory.", state.cache.entries)
        yield GaugeMetricFamily("streamproc_cache_bytes", "Their bytes.", state.cache.used_bytes)
        yield CounterMetricFamily("streamproc_cache_evicted", "Answers that went for others.", state.cache.evicted)


def _budgets(states: tuple[BudgetState, ...]) -> Iterator[Metric]:
    def by_scope(name: str, meaning: str, read: Callable[[BudgetState], float]) -> Metric:
        family = GaugeMetricFamily(name, meaning, labels=("scope", "window", "unit"))
        for state in states:
            family.add_metric((state.scope, state.window, state.unit), read(state))
        return family

    yield by_scope("llm_budget_used", "Settled in the current window, US dollars or tokens.", lambda state: state.used)
    yield by_scope("llm_budget_reserved", "The most that calls under way may use.", lambda state: state.reserved)
    yield by_scope("llm_budget_cap", "The most that may be used in the window.", lambda state: state.cap)
    yield by_scope("llm_budget_stopped", "1 when new calls are refused.", lambda state: state.is_stopped)


def _connections(states: tuple[ConnectionState, ...]) -> Iterator[Metric]:
    held = GaugeMetricFamily("llm_connections", "Connections to a provider.", labels=("provider", "state"))
    waiting = GaugeMetricFamily("llm_connection_waiting", "Calls that wait for a connection.", labels=("provider",))
    waits = SummaryMetricFamily(
        "llm_connection_wait_seconds", "Waiting for a connection, by calls that found none idle.", labels=("provider",)
    )
    errors = CounterMetricFamily("llm_connection_errors", "Connections that failed.", labels=("provider", "code"))
    for state in states:
        provider = state.provider
        for name, count in (("active", state.active), ("idle", state.idle)):
            if count is not None:
                held.add_metric((provider, name), count)
        if state.waiting is not None:
            waiting.add_metric((provider,), state.waiting)
        if state.waits is not None and state.waited_seconds is not None:
            waits.add_metric((provider,), count_value=state.waits, sum_value=state.waited_seconds)
        for code, count in state.errors.items():
            errors.add_metric((provider, code), count)
    yield from (held, waiting, waits, errors)


def _factors(states: tuple[FactorState, ...]) -> Iterator[Metric]:
    labels = ("provider", "model", "side")
    factor = GaugeMetricFamily("llm_token_factor", "Tokens of a model for each that we count.", labels=labels)
    error = GaugeMetricFamily("llm_token_factor_error_ratio", "Median error of that factor.", labels=labels)
    for state in states:
        place = (state.provider, state.model, state.side)
        if state.percent is not None:
            factor.add_metric(place, state.percent / 100)
        if state.error_percent is not None:
            error.add_metric(place, state.error_percent / 100)
    yield from (factor, error)


_BREAKER_STATES = {"closed": 0, "half_open": 1, "open": 2}


def _standings(states: tuple[StandingState, ...]) -> Iterator[Metric]:
    labels = ("provider", "credential", "model")
    breakers = GaugeMetricFamily("llm_breaker_state", "0 closed, 1 probing, 2 open.", labels=labels)
    running = GaugeMetricFamily("llm_calls_running", "Calls that hold a permit.", labels=labels)
    allowed = GaugeMetricFamily("llm_calls_allowed", "Calls at a time, as refusals taught.", labels=labels)
    for state in states:
        place = (state.provider, state.credential, state.model)
        breakers.add_metric(place, _BREAKER_STATES[state.breaker])
        running.add_metric(place, state.running)
        if state.allowed is not None:
            allowed.add_metric(place, state.allowed)
    yield from (breakers, running, allowed)
