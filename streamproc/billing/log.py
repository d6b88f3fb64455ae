"""The billing job's log: a line every few seconds while it works, and one for each alarm."""

from collections.abc import Callable

from structlog.typing import FilteringBoundLogger

from streamproc.billing.happenings import (
    BatchStored,
    Happening,
    JobStarted,
    KafkaAway,
    LineConflicts,
    MetricsServed,
    RecordsMissed,
    RecordUnreadable,
)

__all__ = ["BillingLog"]

_SECONDS_BETWEEN_LINES = 5.0


class BillingLog:
    """An observer that writes.

    Args:
        logger: takes the lines.
        monotonic: seconds that only grow.
    """

    def __init__(self, logger: FilteringBoundLogger, *, monotonic: Callable[[], float]) -> None:
        self._log = logger
        self._monotonic = monotonic
        self._progress_at = self._away_at = monotonic()
        self._lines = 0

    def saw(self, happening: Happening) -> None:
        """Writes the line, if there is one for it."""
        match happening:
            case MetricsServed(port):
                self._log.info("serving metrics and health", port=port)
            case JobStarted(topic, partitions, behind):
                self._log.info("billing started", topic=topic, partitions=partitions, behind=behind)
            case BatchStored(lines, repeated, behind, _):
                self._lines += lines + repeated
                self._tell_progress(behind)
            case LineConflicts(usage_id, topic, partition, offset):
                place = {"topic": topic, "partition": partition, "offset": offset}
                self._log.error("conflict", usage_id=usage_id, **place)
            case RecordUnreadable(topic, partition, offset, sentence):
                self._log.error("unreadable", topic=topic, partition=partition, offset=offset, reason=sentence)
            case RecordsMissed(topic, partition, offset, until):
                self._log.error("missed", topic=topic, partition=partition, offset=offset, until=until)
            case KafkaAway(topic, partitions):
                if self._is_time(self._away_at):
                    self._away_at = self._monotonic()
                    self._log.warning("kafka away", topic=topic, partitions=partitions)

    def _tell_progress(self, behind: int) -> None:
        now = self._monotonic()
        if self._is_time(self._progress_at):
            rate = self._lines / (now - self._progress_at)
            self._log.info("billing", lines=self._lines, behind=behind, lines_per_second=round(rate))
            self._progress_at, self._lines = now, 0

    def _is_time(self, last: float) -> bool:
        return self._monotonic() - last >= _SECONDS_BETWEEN_LINES
