"""Metrics, read back through the text format and Prometheus' own parser."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from streamproc.observe.events import (
    CallEnded,
    CallLost,
    Committed,
    ControlTrouble,
    DeadLettered,
    Happening,
    JournalTrouble,
    PartitionChanged,
    PublishBroke,
    RetryPlanned,
    RunEnded,
    RunWaits,
    UsageAboveBound,
)
from streamproc.observe.gauges import WorkerState
from streamproc.observe.metrics import Metrics
from streamproc.records.usage import TokenCounts, UsageLine

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
RUN = "llm.requests/3/4711@1764000000000"
IDLE = WorkerState(running=0, queued=0, waiting=0, queued_bytes=0, buffered_bytes=0, partitions=())


class Scrape:
    """What a scrape shows: `value(name, label=…)`, None when there is no such series."""

    def __init__(self, state: Callable[[], WorkerState] = lambda: IDLE, **options: Any) -> None:
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry, state, **options)

    def saw(self, *happenings: Happening) -> "Scrape":
        for happening in happenings:
            self.metrics.saw(happening)
        return self

    def series(self, name: str) -> dict[tuple[str, ...], float]:
        families = text_string_to_metric_families(generate_latest(self.registry).decode())
        return {
            tuple(value for _, value in sorted(sample.labels.items())): sample.value
            for family in families
            for sample in family.samples
            if sample.name == name
        }

    def value(self, name: str, *labels: str) -> float | None:
        """The value of one series; `labels` are its label values in the order of the label names."""
        return self.series(name).get(labels)


def call(
    *,
    tenant: str = "acme",
    model: str = "gpt",
    tokens: TokenCounts | None = None,
    cost_nanos: int | None = 1_500_000_000,
    outcome: str = "completed",
    first_token_seconds: float | None = 0.2,
    billed: bool = True,
) -> CallEnded:
    """A call of 1.5 s; `billed` says whether it has a usage line."""
    line = UsageLine(
        usage_id=f"{RUN}/1/1",
        run_id=RUN,
        request_id="r-1",
        tenant=tenant,
        attempt=1,
        provider="openai",
        model=model,
        tokens=tokens or TokenCounts(input=100, output=20),
        cost_nanos=cost_nanos,
        basis="provider",
        price_version=None,
        input_hash="ab",
        started_at=AT,
        ended_at=AT,
    )
    return CallEnded(RUN, 1, "openai", model, tenant, "ab", outcome, 1.5, first_token_seconds, line if billed else None)


def test_completed_call() -> None:
    """Tokens of each kind, dollars, the outcome and both durations are counted."""
    tokens = TokenCounts(
        input=100, output=20, cached_input=40, cache_write=7, cache_write_1h=3, reasoning=5, web_searches=2
    )
    scrape = Scrape().saw(call(tokens=tokens), call(tokens=tokens))
    assert scrape.series("llm_tokens_total") == {
        ("input", "gpt", "openai"): 200,
        ("output", "gpt", "openai"): 40,
        ("cached_input", "gpt", "openai"): 80,
        ("cache_write", "gpt", "openai"): 14,
        ("cache_write_1h", "gpt", "openai"): 6,
        ("reasoning", "gpt", "openai"): 10,
    }
    assert scrape.series("llm_web_searches_total") == {("gpt", "openai"): 4}
    assert scrape.series("llm_cost_dollars_total") == {("gpt", "openai", "acme"): 3.0}
    assert scrape.series("llm_calls_total") == {("gpt", "completed", "openai"): 2}
    assert scrape.value("llm_call_seconds_sum", "gpt", "openai") == 3.0
    assert scrape.value("llm_first_token_seconds_sum", "gpt", "openai") == pytest.approx(0.4)
    assert scrape.value("llm_unpriced_calls_total") == 0


def test_call_whose_tokens_are_not_known() -> None:
    """A kind nobody counted has no series, which is not zero tokens."""
    scrape = Scrape().saw(call(tokens=TokenCounts(input=100)))
    assert scrape.series("llm_tokens_total") == {("input", "gpt", "openai"): 100}


def test_call_above_its_bound() -> None:
    """Counted beside the call itself."""
    line = call().line
    assert line is not None
    scrape = Scrape().saw(UsageAboveBound(line, line))
    assert scrape.series("llm_calls_above_bound_total") == {("gpt", "openai"): 1}
    assert scrape.series("llm_calls_total") == {}


def test_call_without_a_price() -> None:
    """It is counted as unpriced and adds no dollars, not even zero of them."""
    scrape = Scrape().saw(call(cost_nanos=None))
    assert scrape.value("llm_unpriced_calls_total") == 1
    assert scrape.series("llm_cost_dollars_total") == {}


def test_call_that_failed_before_it_could_cost() -> None:
    """It counts by its outcome and duration, and touches neither tokens, first tokens nor money."""
    scrape = Scrape().saw(call(outcome="connect_failed", first_token_seconds=None, billed=False))
    assert scrape.series("llm_calls_total") == {("gpt", "connect_failed", "openai"): 1}
    assert scrape.value("llm_call_seconds_count", "gpt", "openai") == 1
    assert scrape.series("llm_first_token_seconds_count") == {}
    assert scrape.series("llm_tokens_total") == {}
    assert scrape.value("llm_unpriced_calls_total") == 0


def test_more_tenants_than_the_bound() -> None:
    """The first ones keep their own series, all later ones share `other`, and no dollar is lost."""
    scrape = Scrape(max_tenants=2).saw(*(call(tenant=name) for name in ("a", "b", "c", "d", "a")))
    assert scrape.series("llm_cost_dollars_total") == {
        ("gpt", "openai", "a"): 3.0,
        ("gpt", "openai", "b"): 1.5,
        ("gpt", "openai", "other"): 3.0,
    }


def test_more_models_than_the_bound() -> None:
    """Models beyond the bound share `other` in every metric that names a model."""
    scrape = Scrape(max_models=1).saw(call(model="a"), call(model="b"), call(model="c"))
    assert scrape.series("llm_calls_total") == {
        ("a", "completed", "openai"): 1,
        ("other", "completed", "openai"): 2,
    }
    for name in ("llm_tokens_total", "llm_cost_dollars_total", "llm_call_seconds_sum", "llm_first_token_seconds_sum"):
        assert not any({"b", "c"} & set(labels) for labels in scrape.series(name)), name


def test_a_lost_call_of_a_former_owner() -> None:
    """Its bill is counted as every other one; how long it took nobody knows, so it has no time."""
    line = call().line
    assert line is not None
    scrape = Scrape().saw(CallLost(line), UsageAboveBound(line, line))
    assert scrape.value("llm_lost_calls_total", "gpt", "openai") == 1
    assert scrape.value("llm_calls_above_bound_total", "gpt", "openai") == 1
    assert scrape.series("llm_cost_dollars_total") == {("gpt", "openai", "acme"): 1.5}
    assert scrape.series("llm_call_seconds_count") == scrape.series("llm_calls_total") == {}


def test_durations_by_their_edges() -> None:
    """A bucket counts what lies at or below its edge; the last one counts everything, also what is above all edges."""
    scrape = Scrape().saw(*(RunEnded(RUN, "acme", "gpt", "completed", None, at) for at in (0.0, 0.1, 0.11, 600, 601)))
    buckets = {edge: count for (edge,), count in scrape.series("streamproc_run_seconds_bucket").items()}
    assert [buckets[edge] for edge in ("0.1", "0.25", "300.0", "600.0", "+Inf")] == [2, 3, 3, 4, 5]
    assert scrape.value("streamproc_run_seconds_count") == 5


def test_since_when_a_series_counts() -> None:
    """Beside each counter and histogram stands the time of its first zero: that of the worker's start."""
    scrape = Scrape(now=lambda: 1764000000.5).saw(call())
    for name in ("llm_calls_created", "llm_call_seconds_created", "streamproc_runs_created"):
        assert set(scrape.series(name).values()) <= {1764000000.5}, name
    assert scrape.value("llm_call_seconds_created", "gpt", "openai") == 1764000000.5
    assert scrape.value("streamproc_restarts_created") == 1764000000.5


def test_runs_by_status() -> None:
    """A run counts by its status; only one with an error code counts as an error."""
    scrape = Scrape().saw(
        RunEnded(RUN, "acme", "gpt", "completed", None, 2.0),
        RunEnded(RUN, "acme", "gpt", "failed", "bad_request", 1.0),
        RunEnded(RUN, None, None, "rejected", "invalid_request", 0.0),
    )
    assert scrape.series("streamproc_runs_total") == {("completed",): 1, ("failed",): 1, ("rejected",): 1}
    assert scrape.series("streamproc_errors_total") == {("bad_request",): 1, ("invalid_request",): 1}
    assert scrape.value("streamproc_run_seconds_count") == 3
    assert scrape.value("streamproc_run_seconds_sum") == 3.0


def test_retries_and_restarts() -> None:
    """Every retry counts by provider and code; those that readers saw count as restarts too."""
    scrape = Scrape().saw(
        RetryPlanned(RUN, "openai", "rate_limited", 1.0, restart=False),
        RetryPlanned(RUN, "openai", "disconnected", 1.0, restart=True),
    )
    assert scrape.series("streamproc_retries_total") == {("rate_limited", "openai"): 1, ("disconnected", "openai"): 1}
    assert scrape.value("streamproc_restarts_total") == 1


def test_everything_else_that_is_counted() -> None:
    """Waits and dead letters by code, commits with their duration, broken producers; a claim is for the gauges."""
    scrape = Scrape().saw(
        RunWaits(RUN, "credential_refused", "no", 1.0),
        DeadLettered(RUN, "not_json", "no"),
        Committed("llm.requests", 3, 17, 0.25),
        PublishBroke("llm.results", "no"),
        PartitionChanged("llm.requests", 3, "claimed"),
        ControlTrouble("llm.control", "no_cancel", "empty"),
        JournalTrouble("llm.journal", "unreadable"),
    )
    assert scrape.series("streamproc_waits_total") == {("credential_refused",): 1}
    assert scrape.series("streamproc_dead_letters_total") == {("not_json",): 1}
    assert scrape.value("streamproc_commits_total") == 1
    assert scrape.value("streamproc_commit_seconds_sum") == 0.25
    assert scrape.value("streamproc_publish_broken_total") == 1


def test_state_that_does_not_exist_yet() -> None:
    """Building the metrics reads no state, so they can be built before the worker."""

    def state() -> WorkerState:
        raise AssertionError("read too early")

    Metrics(CollectorRegistry(), state)


def test_two_workers_in_one_process() -> None:
    """Registries do not share counts, and one registry refuses a second worker instead of mixing them."""
    one, two = Scrape().saw(call()), Scrape()
    assert one.value("llm_calls_total", "gpt", "completed", "openai") == 1
    assert two.series("llm_calls_total") == {}
    with pytest.raises(ValueError, match="Duplicated"):
        Metrics(one.registry, lambda: IDLE)
