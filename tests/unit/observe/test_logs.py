"""Log lines, read back as the bytes a log collector gets."""

import io
import re
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
import structlog

from streamproc.observe.events import (
    BudgetAlerted,
    CallEnded,
    ClockBehind,
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
)
from streamproc.observe.logs import CallLog, configure_logs
from streamproc.records.alert import BudgetAlert
from streamproc.records.usage import TokenCounts, UsageLine

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
RUN = "llm.requests/3/4711@1764000000000"


class Lines:
    """A log file, a clock that stands still until moved, and what was written so far."""

    def __init__(self) -> None:
        self.file = io.BytesIO()
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds

    def raw(self) -> list[bytes]:
        return self.file.getvalue().splitlines()

    def json(self) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in self.raw()]

    def call_log(self, level: Any = "info") -> CallLog:
        return CallLog(configure_logs(level, "json", file=self.file), monotonic=self.monotonic)

    def of(self, *happenings: Happening) -> list[dict[str, Any]]:
        log = self.call_log()
        for happening in happenings:
            log.saw(happening)
        return self.json()


@pytest.fixture
def lines() -> Lines:
    """An empty log file."""
    return Lines()


def call(*, error: str | None = None, billed: bool = True, request_id: str | None = "req-1") -> CallEnded:
    """A call; `billed` says whether it has a usage line."""
    line = UsageLine(
        usage_id=f"{RUN}/7001/1",
        run_id=RUN,
        request_id="r-1",
        tenant="acme",
        attempt=7001,
        provider="openai",
        model="gpt",
        tokens=TokenCounts(input=100, output=20),
        cost_nanos=12_345,
        basis="provider",
        price_version="1",
        input_hash="ab",
        started_at=AT,
        ended_at=AT,
    )
    outcome = "completed" if error is None else "disconnected"
    bill = line if billed else None
    return CallEnded(RUN, 7001, "openai", "gpt", "acme", "ab", outcome, 1.23456789, 0.25, bill, error, request_id)


def test_call(lines: Lines) -> None:
    """One line says everything about a call that is neither prompt nor answer."""
    (line,) = lines.of(call())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", line.pop("timestamp"))
    assert line == {
        "level": "info",
        "event": "call",
        "run": RUN,
        "attempt": 7001,
        "tenant": "acme",
        "provider": "openai",
        "model": "gpt",
        "provider_request_id": "req-1",
        "input_hash": "ab",
        "outcome": "completed",
        "input_tokens": 100,
        "output_tokens": 20,
        "seconds": 1.2346,
        "first_token_seconds": 0.25,
        "cost_nanos": 12_345,
        "basis": "provider",
        "error": None,
    }


def test_call_without_a_bill(lines: Lines) -> None:
    """What is not known is null, and the line keeps its fields."""
    (line,) = lines.of(call(error="it broke", billed=False))
    assert (line["outcome"], line["error"]) == ("disconnected", "it broke")
    assert [line[name] for name in ("input_tokens", "output_tokens", "cost_nanos", "basis")] == [None] * 4


def test_time_of_a_line(lines: Lines) -> None:
    """The timestamp is UTC, whatever the machine's zone."""
    configure_logs("info", "json", file=lines.file, now=AT.timestamp).info("hello")
    assert lines.json() == [{"timestamp": "2026-01-31T12:00:00Z", "level": "info", "event": "hello"}]


FORGED = 'broke\n{"event":"call"}\x1b[2J\ud800' + "x" * 100_000


@pytest.mark.parametrize(
    ("happening", "field"),
    [
        (call(error=FORGED), "error"),
        (call(request_id=FORGED), "provider_request_id"),
        (RunWaits(RUN, "rate_limited", FORGED, 1.0), "reason"),
        (DeadLettered(RUN, "not_json", FORGED), "reason"),
        (PublishBroke("llm.results", FORGED), "reason"),
        (ControlTrouble("llm.control", "no_cancel", FORGED), "reason"),
        (JournalTrouble("llm.journal", FORGED), "reason"),
    ],
)
def test_sentence_that_tries_to_forge_lines(lines: Lines, happening: Happening, field: str) -> None:
    """A quoted sentence stays on one line, without control characters, and is cut."""
    (line,) = lines.of(happening)
    assert line[field].startswith('broke\\n{"event":"call"}\\x1b[2J\\ud800')
    assert len(line[field]) < 400
    assert len(lines.raw()) == 1


def test_troubles(lines: Lines) -> None:
    """Retries, waits, dead letters and broken producers are warnings."""
    written = lines.of(
        RetryPlanned(RUN, "openai", "rate_limited", 1.23456, restart=False),
        RunWaits(RUN, "credential_refused", "key refused", 30.0),
        DeadLettered(RUN, "not_json", "not JSON"),
        ClockBehind("llm.requests", 3, 61.2),
        PublishBroke("llm.results", "fenced"),
        ControlTrouble("llm.control", "no_cancel", "empty"),
    )
    for line in written:
        del line["timestamp"]
        assert line.pop("level") == "warning"
        assert line.pop("run", RUN) == RUN
        assert line.pop("suppressed", 0) == 0
    assert written == [
        {"event": "retry", "provider": "openai", "code": "rate_limited", "wait_seconds": 1.235, "restart": False},
        {"event": "wait", "code": "credential_refused", "reason": "key refused", "wait_seconds": 30.0},
        {"event": "dead letter", "code": "not_json", "reason": "not JSON"},
        {"event": "clock", "topic": "llm.requests", "partition": 3, "seconds_behind": 61},
        {"event": "publish broke", "topic": "llm.results", "reason": "fenced"},
        {"event": "control", "topic": "llm.control", "code": "no_cancel", "reason": "empty"},
    ]


def test_partition_moves(lines: Lines) -> None:
    """Partitions come and go in normal work: no warning."""
    (line,) = lines.of(PartitionChanged("llm.requests", 3, "lost"))
    del line["timestamp"]
    assert line == {"level": "info", "event": "partition", "topic": "llm.requests", "partition": 3, "change": "lost"}


def test_runs_and_commits(lines: Lines) -> None:
    """They have records and metrics of their own, and no log lines."""
    assert lines.of(RunEnded(RUN, "acme", "gpt", "completed", None, 1.0), Committed("llm.requests", 3, 1, 0.1)) == []


def test_outage_that_makes_every_run_wait(lines: Lines) -> None:
    """One line a second for each code; the next line counts what was held back, and other codes are not held back."""
    log = lines.call_log()
    for _ in range(500):
        log.saw(RunWaits(RUN, "rate_limited", "slow down", 1.0))
    log.saw(RunWaits(RUN, "ledger_away", "no ledger", 1.0))
    lines.seconds += 0.99
    log.saw(RunWaits(RUN, "rate_limited", "slow down", 1.0))
    assert [line["code"] for line in lines.json()] == ["rate_limited", "ledger_away"]
    lines.seconds += 0.02
    log.saw(RunWaits(RUN, "rate_limited", "slow down", 1.0))
    lines.seconds += 1
    log.saw(RunWaits(RUN, "rate_limited", "slow down", 1.0))
    assert [line["suppressed"] for line in lines.json()[2:]] == [500, 0]


def test_retries_of_one_provider(lines: Lines) -> None:
    """They are held back like waits; a restart, which readers see, has a line of its own."""
    quiet = RetryPlanned(RUN, "openai", "disconnected", 1.0, restart=False)
    written = lines.of(
        quiet,
        quiet,
        RetryPlanned(RUN, "openai", "disconnected", 1.0, restart=True),
        RetryPlanned(RUN, "anthropic", "disconnected", 1.0, restart=False),
    )
    told = [(line["provider"], line["restart"]) for line in written]
    assert told == [("openai", False), ("openai", True), ("anthropic", False)]


def test_level_above_the_line(lines: Lines) -> None:
    """Lines below the level are not written."""
    log = lines.call_log("warning")
    log.saw(call())
    log.saw(DeadLettered(RUN, "not_json", "not JSON"))
    assert [line["event"] for line in lines.json()] == ["dead letter"]


def test_two_loggers_side_by_side(lines: Lines) -> None:
    """Loggers have their own level and place, and the settings of structlog itself stay as they were."""
    before = structlog.get_config()
    other = Lines()
    configure_logs("error", "json", file=lines.file).info("one")
    configure_logs("debug", "json", file=other.file).info("two")
    assert (lines.json(), [line["event"] for line in other.json()]) == ([], ["two"])
    assert structlog.get_config() == before


def test_no_file_named(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """Lines go to standard error, so that a command's output stays clean."""
    configure_logs("info", "json").info("hello")
    out, err = capfdbinary.readouterr()
    assert out == b""
    assert orjson.loads(err)["event"] == "hello"


def test_error_with_a_traceback(lines: Lines) -> None:
    """Both formats show the traceback but no local variables, which hold prompts and keys."""
    console = Lines()
    shown = configure_logs("info", "json", file=lines.file), configure_logs("info", "console", file=console.file)
    for logger in shown:
        secret_prompt = "tell " + "nobody"
        try:
            int("x" if secret_prompt else "")
        except ValueError:
            logger.exception("failed")
    assert "ValueError: invalid literal" in lines.json()[0]["exception"]
    for written in (lines.file.getvalue(), console.file.getvalue()):
        assert b"ValueError: invalid literal" in written
        assert b"tell nobody" not in written


@pytest.mark.parametrize(
    ("unit", "settled", "cap"),
    [("nanos", "$240.11", "$300.00"), ("tokens", "240110000000 tokens", "300000000000 tokens")],
)
def test_an_alert_tells_amounts_as_people_read_them(lines: Lines, unit: str, settled: str, cap: str) -> None:
    """Whoever was woken at night counted the zeros of nano-dollars."""
    alert = BudgetAlert.model_validate(
        {
            "alert_id": "a",
            "scope": "user",
            "name": "bob",
            "tenant": "acme",
            "window": "day",
            "window_start": AT,
            "unit": unit,
            "share": "0.8",
            "cap": 300_000_000_000,
            "settled": 240_110_000_000,
            "killed": False,
            "at": AT,
        }
    )
    CallLog(configure_logs("info", "json", file=lines.file)).saw(BudgetAlerted(alert))
    (line,) = lines.json()
    told = {"scope": "user bob of tenant acme", "window": "day", "share": "0.8", "killed": False}
    assert {name: line[name] for name in line if name not in ("timestamp", "level", "event")} == {
        **told,
        "settled": settled,
        "cap": cap,
    }


def test_lines_for_people(lines: Lines) -> None:
    """The console format has a readable line for each call, without colours in a file and without empty fields."""
    log = CallLog(configure_logs("info", "console", file=lines.file, now=AT.timestamp))
    log.saw(call())
    log.saw(call(error="broke\n\x1b[2J"))
    first, second = (line.decode() for line in lines.raw())
    assert first.startswith("2026-01-31T12:00:00.000+00:00 [info     ] call")
    assert f"run={RUN}" in first
    assert "cost_nanos=12345" in first
    assert ("error" in first, "\x1b" in first + second) == (False, False)
