"""The tables of the documentation about the billing job are complete and true."""

import io
import json
from typing import get_args

from prometheus_client import CollectorRegistry

from streamproc.billing import happenings
from streamproc.billing.log import BillingLog
from streamproc.billing.metrics import BillingMetrics
from streamproc.billing.report import KEYS
from streamproc.billing.tables import TABLES
from streamproc.observe.logs import configure_logs
from tests.unit.pages import OPERATIONS, ROOT, codes, table

BILLING = ROOT / "docs/billing.md"
HAPPENINGS: tuple[happenings.Happening, ...] = (
    happenings.MetricsServed(9465),
    happenings.JobStarted("t", 4, 10),
    happenings.BatchStored(8, 1, 2, 0.5),
    happenings.LineConflicts("u", "t", 0, 1),
    happenings.RecordUnreadable("t", 0, 1, "s"),
    happenings.RecordsMissed("t", 0, 1, 4),
    happenings.KafkaAway("t", 2),
)


class Clock:
    """Every look at it is ten seconds later."""

    def __init__(self) -> None:
        self._now = 0.0

    def __call__(self) -> float:
        self._now += 10
        return self._now


def test_the_happenings_here_are_all_there_are() -> None:
    """Otherwise a new one would escape the tests below."""
    assert {type(one) for one in HAPPENINGS} == set(get_args(happenings.Happening))


def test_every_log_event_is_in_the_table_and_no_other() -> None:
    """With its level and its fields."""
    file = io.BytesIO()
    log = BillingLog(configure_logs("debug", "json", file=file), monotonic=Clock())
    for one in HAPPENINGS:
        log.saw(one)
    lines = list(map(json.loads, file.getvalue().splitlines()))
    found = {line["event"]: (line["level"], line.keys() - {"timestamp", "level", "event"}) for line in lines}
    told = {codes(row[0])[0]: (row[1], set(codes(row[2]))) for row in table(OPERATIONS, "Log of the billing job")}
    assert told == found


def test_progress_is_told_seldom() -> None:
    """A job of millions of lines writes one every five seconds, with what came since the last one."""
    now = [0.0]
    file = io.BytesIO()
    log = BillingLog(configure_logs("info", "json", file=file), monotonic=lambda: now[0])
    for second in range(11):
        now[0] = float(second)
        log.saw(happenings.BatchStored(100, 0, 5, 0.1))
    lines = list(map(json.loads, file.getvalue().splitlines()))
    assert [(line["lines"], line["lines_per_second"]) for line in lines] == [(600, 120), (500, 100)]


def test_every_metric_is_in_the_table_and_no_other() -> None:
    """With its kind; and what happened is counted."""
    registry = CollectorRegistry()
    metrics = BillingMetrics(registry)
    for one in HAPPENINGS:
        metrics.saw(one)
    found = {family.name + "_total" * (family.type == "counter"): family.type for family in registry.collect()}
    told = {codes(row[0])[0]: row[1] for row in table(OPERATIONS, "Metrics of the billing job")}
    assert told == found
    values = {name: registry.get_sample_value(f"streamproc_billing_{name}") for name in ("lines_total", "lag")}
    values |= {
        name: registry.get_sample_value(f"streamproc_billing_{name}_total") for name in ("conflicts", "unreadable")
    }
    assert values == {"lines_total": 8, "lag": 2, "conflicts": 1, "unreadable": 1}
    assert registry.get_sample_value("streamproc_billing_missed_records_total") == 3


def test_every_table_of_the_store_is_told() -> None:
    """By name."""
    assert {codes(row[0])[0] for row in table(BILLING, "Store")} == {one.name for one in TABLES}


def test_every_key_of_a_report_is_told() -> None:
    """In the sentence about them."""
    text = BILLING.read_text(encoding="utf-8")
    assert [key for key in KEYS if f"`{key}`" not in text] == []
