"""Windows: the days and months of a time zone, as intervals of unix time. A day has 23 or 25 hours now and then."""

from datetime import date, datetime, time, timedelta, tzinfo
from typing import Literal, NamedTuple

__all__ = ["WINDOWS", "Interval", "Window", "Windows"]

Window = Literal["day", "month"]

WINDOWS: tuple[Window, ...] = ("day", "month")


class Interval(NamedTuple):
    """Unix milliseconds: the start belongs to it, the end to the next one."""

    start_ms: int
    end_ms: int


class Windows:
    """The windows of one time zone. Remembers the last one of each kind: nearly every call falls into it."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._last: dict[Window, Interval] = {}

    def around(self, window: Window, at_ms: int) -> Interval:
        """The window that a moment falls into."""
        last = self._last.get(window)
        if last is None or not last.start_ms <= at_ms < last.end_ms:
            last = self._last[window] = self._interval(window, at_ms)
        return last

    def _interval(self, window: Window, at_ms: int) -> Interval:
        day = datetime.fromtimestamp(at_ms / 1000, self._zone).date()
        if window == "day":
            return Interval(self._midnight(day), self._midnight(day + timedelta(days=1)))
        first = day.replace(day=1)
        return Interval(self._midnight(first), self._midnight((first + timedelta(days=32)).replace(day=1)))

    def _midnight(self, day: date) -> int:
        # Where clocks are turned at midnight, the day begins at the turn: that is what the earlier offset says of a
        # midnight that is left out, and of two midnights the first one.
        return int(datetime.combine(day, time(), self._zone).timestamp() * 1000)
