"""What keeps log lines few: one for each cause and period."""

from collections.abc import Callable, Hashable

__all__ = ["Seldom"]


class Seldom:
    """Lets one line for each key and period through, and counts what it holds back.

    Keys are codes and places in code, so there are few of them.
    """

    def __init__(self, seconds: float, monotonic: Callable[[], float]) -> None:
        self._seconds = seconds
        self._monotonic = monotonic
        self._last: dict[Hashable, tuple[float, int]] = {}

    def admit(self, key: Hashable) -> int | None:
        """How many were held back since the last line of this key, or None when this one is held back too."""
        now = self._monotonic()
        at, held = self._last.get(key, (now - self._seconds, 0))
        if now - at < self._seconds:
            self._last[key] = (at, held + 1)
            return None
        self._last[key] = (now, 0)
        return held
