"""What of breakers' changes is news: told at once, but of one breaker no more often than its period allows. Pure.

A provider that is away has its breaker probe and open again for as long as that lasts. So a state with its reason is
told once until the breaker is closed, and what follows quickly is held back; of that the last one is told when the
period is over. Who reads along so never takes a breaker for open, or for closed, that has long been otherwise.
"""

from typing import NamedTuple

from streamproc.observe.events import BreakerChanged

__all__ = ["BreakerNews", "News"]


class News(NamedTuple):
    """A change to be told, and how many of the same breaker since the last one that was told are not."""

    change: BreakerChanged
    untold: int


class _Told:
    """Of one breaker."""

    __slots__ = ("free_at", "last", "pending", "said", "untold")

    def __init__(self, free_at: float) -> None:
        self.free_at = free_at
        self.last = "closed"
        self.said: set[tuple[str, str]] = set()
        self.pending: BreakerChanged | None = None
        self.untold = 0


class BreakerNews:
    """Remembers what was told, of each credential with each model. Times are monotonic seconds."""

    def __init__(self, period_seconds: float) -> None:
        self._period_seconds = period_seconds
        self._told: dict[tuple[str, str, str], _Told] = {}

    def saw(self, change: BreakerChanged, now: float) -> News | None:
        """The news in a change, if it is to be told now."""
        key = change.provider, change.credential, change.model
        told = self._told.get(key)
        if told is None:
            told = self._told[key] = _Told(now)
        told.pending = change
        told.untold += 1
        return self._news(told, now)

    def due(self, now: float) -> list[News]:
        """What was held back and may be told now."""
        return [news for told in self._told.values() if (news := self._news(told, now)) is not None]

    def _news(self, told: _Told, now: float) -> News | None:
        change = told.pending
        if change is None or now < told.free_at:
            return None
        told.pending = None
        is_news = (
            change.state != told.last if change.state == "closed" else (change.state, change.reason) not in told.said
        )
        if not is_news:
            return None
        if change.state == "closed":
            told.said.clear()
        else:
            told.said.add((change.state, change.reason))
        news = News(change, told.untold - 1)
        told.free_at, told.last, told.untold = now + self._period_seconds, change.state, 0
        return news
