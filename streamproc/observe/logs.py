"""Logs: one line for each call and each trouble, as JSON for machines or as columns for people.

Lines carry names, numbers, codes and hashes, never prompts or answers. The sentences of errors are shown on one
line, cut to 300 characters; whoever writes such a sentence keeps texts out of it.
"""

import logging
import sys
import time
from collections.abc import Callable, Hashable, MutableMapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, BinaryIO, Literal, cast

import orjson
import structlog
from structlog.dev import ConsoleRenderer, plain_traceback
from structlog.typing import FilteringBoundLogger, Processor

from streamproc.observe.cache import cached_fields
from streamproc.observe.cache_events import AnswerStored, CacheLooked, StoreTrouble
from streamproc.observe.events import (
    AlertTrouble,
    BreakerChanged,
    BudgetAlerted,
    BudgetHeld,
    BudgetsChanged,
    BudgetSpent,
    CallEnded,
    CallLost,
    CallsHeld,
    ClockBehind,
    Committed,
    ControlTrouble,
    DeadLettered,
    Happening,
    JournalTrouble,
    LedgerChanged,
    LedgerOpened,
    PartitionChanged,
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
from streamproc.observe.log_fields import above_bound_fields, alert_fields, call_fields, on_one_line, unreadable_fields
from streamproc.observe.route_events import FellBack, RuleFailed
from streamproc.observe.seldom import Seldom

__all__ = ["CallLog", "LibraryLog", "configure_logs", "install_library_logs"]

_SECONDS_BETWEEN_LINES = 1.0


def configure_logs(
    level: Literal["debug", "info", "warning", "error"],
    log_format: Literal["json", "console"],
    *,
    file: BinaryIO | None = None,
    now: Callable[[], float] = time.time,
) -> FilteringBoundLogger:
    """A logger with its own settings; nothing global changes, so several can live side by side.

    Args:
        level: lines below it are dropped.
        log_format: one JSON object per line, or columns (coloured on a terminal).
        file: where the lines go; standard error without it. Each line is written and flushed at once.
        now: unix time in seconds.
    """
    file = file or sys.stderr.buffer
    logger = structlog.wrap_logger(
        structlog.BytesLogger(file),
        processors=_json(now) if log_format == "json" else _console(now, colors=file.isatty()),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        context_class=dict,
    )
    return cast("FilteringBoundLogger", logger.bind())


def _json(now: Callable[[], float]) -> list[Processor]:
    def render(_logger: Any, level: str, fields: MutableMapping[str, Any]) -> bytes:
        at = datetime.fromtimestamp(now(), UTC)
        line = {"timestamp": at, "level": level, "event": fields.pop("event"), **fields}
        return orjson.dumps(line, default=str, option=orjson.OPT_UTC_Z)

    return [structlog.processors.format_exc_info, render]


def _console(now: Callable[[], float], *, colors: bool) -> list[Processor]:
    def stamp(_logger: Any, _level: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        fields["timestamp"] = datetime.fromtimestamp(now(), UTC).isoformat(timespec="milliseconds")
        return {name: value for name, value in fields.items() if value is not None}

    def encode(_logger: Any, _level: str, line: Any) -> bytes:
        return str(line).encode(errors="backslashreplace")

    # The renderer's own choice of traceback prints local variables, and those hold prompts and keys.
    columns = ConsoleRenderer(colors=colors, exception_formatter=plain_traceback, sort_keys=False)
    return [structlog.processors.add_log_level, stamp, columns, encode]


class CallLog:
    """An observer that writes: a line for each call; warnings for what goes wrong around it.

    Warnings that one cause repeats thousands of times (waits by code; retries by provider and code; control topics by
    topic and code) come at most once a second each, and `suppressed` counts those held back since the line before.

    Args:
        logger: takes the lines.
        monotonic: seconds that only grow.
    """

    def __init__(self, logger: FilteringBoundLogger, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._log = logger
        self._has_calls = logger.is_enabled_for(logging.INFO)
        self._seldom = Seldom(_SECONDS_BETWEEN_LINES, monotonic)

    def saw(self, happening: Happening) -> None:  # noqa: C901, PLR0912, PLR0915 one case for each happening
        """Writes the line, if there is one for it. Called from one thread only, the event loop's."""
        match happening:
            case CallEnded():
                if self._has_calls:
                    self._log.info("call", **call_fields(happening))
            case CacheLooked():
                if happening.line is not None and self._has_calls:
                    self._log.info("cached", **cached_fields(happening))
            case (
                RunEnded() | AnswerStored() | Committed() | CallsHeld() | RunDeferred() | BudgetHeld() | RetryRefused()
            ):
                pass  # the result record, the metrics or the line about the wait say it; most of all are of these
            case RetryPlanned(run_id, provider, code, wait_seconds, restart):
                cause = (provider, code, restart)
                wait = round(wait_seconds, 3)
                self._warn("retry", cause, run=run_id, provider=provider, code=code, wait_seconds=wait, restart=restart)
            case BreakerChanged():
                self._breaker(happening)
            case RunWaits(run_id, code, sentence, wait_seconds):
                reason = on_one_line(sentence)
                self._warn("wait", (code,), run=run_id, code=code, reason=reason, wait_seconds=round(wait_seconds, 3))
            case DeadLettered(run_id, code, sentence):
                self._log.warning("dead letter", run=run_id, code=code, reason=on_one_line(sentence))
            case ClockBehind(topic, partition, seconds):
                self._warn("clock", (), topic=topic, partition=partition, seconds_behind=round(seconds))
            case PublishBroke(topic, sentence):
                self._log.warning("publish broke", topic=topic, reason=on_one_line(sentence))
            case ControlTrouble(topic, code, sentence):
                self._warn("control", (topic, code), topic=topic, code=code, reason=on_one_line(sentence))
            case JournalTrouble(topic, sentence):
                self._warn("journal", (topic,), topic=topic, reason=on_one_line(sentence))
            case CallLost(line):
                bill = {"usage_id": line.usage_id, "basis": line.basis, "cost_nanos": line.cost_nanos}
                self._log.warning("lost call", tenant=line.tenant, provider=line.provider, model=line.model, **bill)
            case UsageAboveBound(line, bound):
                self._warn("above bound", (line.provider, line.model), **above_bound_fields(line, bound))
            case UsageUnreadable(topic):
                self._warn("unreadable", (topic,), **unreadable_fields(happening))
            case BudgetSpent(run_id, reason, sentence):
                self._warn("budget refused", (reason,), run=run_id, code=reason, reason=on_one_line(sentence))
            case LedgerOpened(seconds):
                self._log.info("ledger open", seconds=round(seconds, 3))
            case BudgetAlerted(alert):
                self._log.warning("budget alert", **alert_fields(alert))
            case AlertTrouble(alert_id, sentence):
                self._warn("alert not delivered", (), alert=alert_id, reason=on_one_line(sentence))
            case SharedLimitsChanged("open", _, workers):
                self._log.info("shared limits", state="open", workers=workers)
            case SharedLimitsChanged(state, sentence, workers):
                self._log.warning("shared limits", state=state, workers=workers, reason=on_one_line(sentence))
            case LedgerChanged("open", _):
                self._log.info("ledger", state="open")
            case LedgerChanged(state, sentence):
                self._log.warning("ledger", state=state, reason=on_one_line(sentence))
            case BudgetsChanged(words):
                self._log.info("budgets", words=words)
            case PartitionChanged(topic, partition, change):
                self._log.info("partition", topic=topic, partition=partition, change=change)
            case StoreTrouble(operation, sentence):
                self._warn("cache", (operation,), operation=operation, reason=on_one_line(sentence))
            case FellBack(run_id, route, left, taken, reason):
                self._warn(
                    "fallback", (left, taken, reason), run=run_id, route=route, left=left, taken=taken, code=reason
                )
            case RuleFailed(route, variant, sentence):
                self._warn("rule", (route, variant), route=route, variant=variant, reason=on_one_line(sentence))

    def _breaker(self, changed: BreakerChanged) -> None:
        fields = {"provider": changed.provider, "credential": changed.credential, "model": changed.model}
        if changed.state == "open":
            wait, reason = round(changed.wait_seconds, 3), changed.reason
            self._warn("breaker open", tuple(fields.values()), **fields, reason=reason, wait_seconds=wait)
        elif changed.state == "closed":
            self._log.info("breaker closed", **fields)

    def _warn(self, event: str, cause: tuple[Hashable, ...], **fields: Any) -> None:
        suppressed = self._seldom.admit((event, *cause))
        if suppressed is not None:
            self._log.warning(event, **fields, suppressed=suppressed)


class LibraryLog(logging.Handler):
    """Takes warnings and errors of libraries that use the standard `logging` into our stream, formatted alike.

    Each place in a library's code gets at most one line a second; `suppressed` counts those held back since its
    line before. It never raises: a log line cannot fail the work.
    """

    def __init__(self, logger: FilteringBoundLogger, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__(logging.WARNING)
        self._log = logger
        self._seldom = Seldom(_SECONDS_BETWEEN_LINES, monotonic)

    def emit(self, record: logging.LogRecord) -> None:
        """Writes the record, unless its place had a line within the last second. `logging` holds a lock here."""
        with suppress(Exception):
            suppressed = self._seldom.admit((record.pathname, record.lineno))
            if suppressed is None:
                return
            write = self._log.error if record.levelno >= logging.ERROR else self._log.warning
            write(
                "library",
                library=record.name,
                message=on_one_line(_message(record)),
                suppressed=suppressed,
                exc_info=record.exc_info,
            )


def install_library_logs(
    logger: FilteringBoundLogger, *, monotonic: Callable[[], float] = time.monotonic
) -> LibraryLog:
    """Puts a `LibraryLog` on the root logger, in place of an earlier one, and gives it back for its removal."""
    root = logging.getLogger()
    for earlier in [present for present in root.handlers if isinstance(present, LibraryLog)]:
        root.removeHandler(earlier)
    library_log = LibraryLog(logger, monotonic=monotonic)
    root.addHandler(library_log)
    return library_log


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 a library's format string that does not fit its arguments still says something
        return str(record.msg)
