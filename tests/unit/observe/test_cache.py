"""The cache in metrics and logs."""

import io
import json

from streamproc.observe.cache_events import AnswerStored, CacheLooked, CacheOutcome, StoreTrouble
from streamproc.observe.gauges import CacheSizes, WorkerState
from streamproc.observe.logs import CallLog, configure_logs
from streamproc.records.usage import Saved, TokenCounts, UsageLine
from tests.lines import a_line
from tests.unit.observe.test_metrics import IDLE, RUN, Scrape


def looked(outcome: CacheOutcome, line: UsageLine | None = None) -> CacheLooked:
    """A question to the cache."""
    return CacheLooked(RUN, "acme", "p", "m", "h", outcome, line)


def saving(nanos: int | None) -> UsageLine:
    """The line of an answer that saved so much."""
    return a_line(basis="cache", saved=Saved(state="hit", tokens=TokenCounts(input=3), nanos=nanos))


def test_lookups_are_counted_by_where_the_answer_was() -> None:
    """And what they saved, where that is known."""
    scrape = Scrape().saw(
        looked("miss"), looked("refresh"), looked("memory", saving(2 * 10**9)), looked("memory", saving(None)),
        looked("coalesced", saving(10**9)), AnswerStored(RUN, 100), AnswerStored(RUN, 50),
        StoreTrouble("get", "away"), StoreTrouble("get", "away"), StoreTrouble("read", "damaged"),
    )  # fmt: skip
    outcomes = {labels[1]: count for labels, count in scrape.series("llm_cache_lookups_total").items()}
    assert outcomes == {"miss": 1, "refresh": 1, "memory": 2, "coalesced": 1}
    assert scrape.value("llm_cache_saved_dollars_total", "m", "p", "acme") == 3
    assert scrape.value("llm_cache_stored_total") == 2
    assert scrape.value("llm_cache_stored_bytes_total") == 150
    assert scrape.series("streamproc_cache_errors_total") == {("get",): 2, ("read",): 1}
    assert scrape.value("llm_cost_dollars_total", "m", "p", "acme") is None
    assert scrape.series("llm_tokens_total") == {}


def test_what_is_in_memory_is_shown_where_there_is_a_cache() -> None:
    """Without one there is nothing to show."""
    state = WorkerState(0, 0, 0, 0, 0, (), cache=CacheSizes(3, 4000, 5))
    scrape = Scrape(lambda: state)
    names = ("streamproc_cache_entries", "streamproc_cache_bytes", "streamproc_cache_evicted_total")
    assert [scrape.value(name) for name in names] == [3, 4000, 5]
    assert [Scrape(lambda: IDLE).value(name) for name in names] == [None] * 3


def test_an_answer_from_the_cache_has_a_line_and_a_call_has_its_own() -> None:
    """Troubles are warnings."""
    file = io.BytesIO()
    log = CallLog(configure_logs("info", "json", file=file, now=lambda: 0.0))
    for happening in (looked("miss"), looked("redis", saving(7)), StoreTrouble("put", "no\nroom")):
        log.saw(happening)
    cached, trouble = map(json.loads, file.getvalue().splitlines())
    assert (cached["event"], cached["outcome"], cached["saved_nanos"]) == ("cached", "redis", 7)
    assert (cached["run"], cached["tenant"], cached["input_hash"]) == (RUN, "acme", "h")
    assert (trouble["event"], trouble["operation"], trouble["reason"]) == ("cache", "put", "no\\nroom")
