"""Gauges: what the worker is at the moment of a scrape."""

from dataclasses import replace

from streamproc.observe.gauges import FactorState, PartitionState, WorkerState
from tests.unit.observe.test_metrics import IDLE, Scrape


def test_gauges_follow_the_worker() -> None:
    """Each scrape reads the state anew: a partition given away vanishes, an unknown lag is absent, not zero."""
    ready = PartitionState("llm.requests", 0, lag=12, window=3, ready=True, paused=False)
    claiming = PartitionState("llm.requests", 1, lag=None, window=0, ready=False, paused=True)
    states = [
        WorkerState(running=1, queued=2, waiting=3, queued_bytes=4, buffered_bytes=5, partitions=(ready, claiming)),
    ]
    scrape = Scrape(lambda: states[-1])
    own, other = ("0", "llm.requests"), ("1", "llm.requests")
    assert [
        scrape.value(f"streamproc_{name}")
        for name in ("runs_in_flight", "runs_queued", "runs_waiting", "queued_bytes", "publisher_buffered_bytes")
    ] == [1, 2, 3, 4, 5]
    assert scrape.series("streamproc_partition_lag") == {own: 12}
    assert scrape.series("streamproc_partition_window") == {own: 3, other: 0}
    assert scrape.series("streamproc_partition_ready") == {own: 1, other: 0}
    assert scrape.series("streamproc_partition_paused") == {own: 0, other: 1}

    states.append(IDLE)
    for name in ("lag", "window", "ready", "paused"):
        assert scrape.series(f"streamproc_partition_{name}") == {}, name
    assert scrape.value("streamproc_runs_in_flight") == 0


def test_factors_of_tokens_are_shown_as_far_as_they_are_known() -> None:
    """A factor that is not learned yet is absent, not 0."""
    known, unknown = FactorState("p", "m", "input", 165, 2.5), FactorState("p", "m", "output", None, None)
    scrape = Scrape(lambda: replace(IDLE, factors=(known, unknown)))
    assert scrape.series("llm_token_factor") == {("m", "p", "input"): 1.65}
    assert scrape.series("llm_token_factor_error_ratio") == {("m", "p", "input"): 0.025}
