"""Metrics for Prometheus: counters of what happens, gauges of the moment. Dollars here are floats, no bill."""

import time
from collections.abc import Callable, Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric

from streamproc.observe.cache import CacheCounts
from streamproc.observe.cache_events import AnswerStored, CacheLooked, StoreTrouble
from streamproc.observe.calls import CallCounts
from streamproc.observe.decisions import DecisionCounts
from streamproc.observe.events import (
    AlertTrouble,
    BreakerChanged,
    BudgetAlerted,
    BudgetHeld,
    BudgetSpent,
    CallEnded,
    CallLost,
    CallsHeld,
    Committed,
    DeadLettered,
    Happening,
    LedgerChanged,
    PublishBroke,
    RetryPlanned,
    RetryRefused,
    RunDeferred,
    RunEnded,
    RunWaits,
    SharedLimitsChanged,
    UsageAboveBound,
    UsageUnreadable,
)
from streamproc.observe.gauges import WorkerState, gauges
from streamproc.observe.labels import BoundedLabel
from streamproc.observe.route_events import FellBack, RuleFailed
from streamproc.observe.stores import StoreCounts
from streamproc.observe.tallies import Counts, Spread

__all__ = ["Metrics"]

# Upper edges in seconds; the last one of runs is their default deadline.
_RUN_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60, 120, 300, 600)
_COMMIT_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


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
        now: unix time in seconds, for the time since which a series counts.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        state: Callable[[], WorkerState],
        *,
        max_tenants: int = 200,
        max_models: int = 200,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._tenants = BoundedLabel(max_tenants)
        self._models = BoundedLabel(max_models)
        tallies: list[Counts | Spread] = []
        created = now()

        def counter(name: str, meaning: str, *labels: str) -> Counts:
            tallies.append(counts := Counts(name, meaning, labels, created))
            return counts

        def histogram(name: str, meaning: str, edges: tuple[float, ...], *labels: str) -> Spread:
            tallies.append(spread := Spread(name, meaning, edges, labels, created))
            return spread

        self._calls = CallCounts(counter, histogram, self._models, self._tenants)
        self._runs = counter("streamproc_runs_total", "Runs by status of their terminal result.", "status")
        self._run_seconds = histogram(
            "streamproc_run_seconds", "From taking a record to its terminal result.", _RUN_SECONDS
        )
        self._decisions = DecisionCounts(counter)
        self._waits = counter("streamproc_waits_total", "Returns of a run to its ready queue.", "code")
        self._deferred = counter("streamproc_deferred_runs_total", "Runs moved to the topic of deferred runs.")
        self._errors = counter("streamproc_errors_total", "Runs that ended with an error.", "code")
        self._held = counter("llm_budget_held", "Calls that had to wait for room in a budget.", "why")
        self._refused = counter("llm_budget_refused", "Calls that a budget had no room for.", "reason")
        self._alerts = counter("llm_budget_alerts", "Shares of caps that were reached.", "share")
        self._undelivered = counter("llm_budget_alerts_undelivered", "Alerts that the webhook did not take.")
        self._unreadable = counter("llm_budget_unreadable", "Usage records that no budget counts.", "outcome")
        self._stores = StoreCounts(counter)
        self._dead_letters = counter("streamproc_dead_letters_total", "Records that were no valid request.", "code")
        self._commit_seconds = histogram(
            "streamproc_commit_seconds", "Duration of a commit's transaction.", _COMMIT_SECONDS
        )
        self._commits = counter("streamproc_commits_total", "Commits of results together with their offset.")
        self._publish_broken = counter("streamproc_publish_broken_total", "Producers that broke and were replaced.")
        self._cache = CacheCounts(counter, self._models, self._tenants)
        registry.register(_Shown(tallies, state))

    def saw(self, happening: Happening) -> None:  # noqa: C901, PLR0912 one case for each happening
        """Counts it. Called from one thread only, the event loop's."""
        match happening:
            case CallEnded():
                self._calls.ended(happening)
            case CacheLooked() | AnswerStored() | StoreTrouble():
                self._cache.saw(happening)
            case CallLost(line):
                self._calls.lost(line)
            case RunEnded():
                self._count_run(happening)
            case RetryPlanned() | RetryRefused() | CallsHeld() | BreakerChanged() | FellBack() | RuleFailed():
                self._decisions.saw(happening)
            case RunWaits():
                self._waits.add((happening.code,))
            case BudgetHeld():
                self._held.add((happening.why,))
            case BudgetSpent():
                self._refused.add((happening.reason,))
            case BudgetAlerted(alert):
                self._alerts.add((alert.share,))
            case AlertTrouble():
                self._undelivered.add()
            case UsageUnreadable():
                self._unreadable.add(("skipped" if happening.is_skipped else "stopped",))
            case LedgerChanged() | SharedLimitsChanged():
                self._stores.saw(happening)
            case RunDeferred():
                self._deferred.add()
            case DeadLettered():
                self._dead_letters.add((happening.code,))
            case Committed():
                self._commits.add()
                self._commit_seconds.add(happening.seconds)
            case PublishBroke():
                self._publish_broken.add()
            case UsageAboveBound(line):
                self._calls.above_bound(line)
            case _:
                pass  # the gauges show which partitions are owned, and their state; the log tells of control topics

    def _count_run(self, ended: RunEnded) -> None:
        self._runs.add((ended.status,))
        self._run_seconds.add(ended.seconds)
        if ended.code is not None:
            self._errors.add((ended.code,))


class _Shown:
    """Reads the state at each scrape, so a partition that was given away vanishes and an unknown lag is absent."""

    def __init__(self, tallies: Sequence[Counts | Spread], state: Callable[[], WorkerState]) -> None:
        self._tallies = tallies
        self._state = state

    def describe(self) -> Iterator[Metric]:
        """Names the metrics without reading the state, which may not exist yet at registration."""
        return self._metrics(WorkerState(0, 0, 0, 0, 0, ()))

    def collect(self) -> Iterator[Metric]:
        return self._metrics(self._state())

    def _metrics(self, state: WorkerState) -> Iterator[Metric]:
        for tally in self._tallies:
            yield tally.collect()
        yield from gauges(state)
