"""The connections of one provider in numbers, over all its credentials."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from streamproc.errors import ConnectFailed, Disconnected, ProviderError, TimedOut
from streamproc.providers.http_pool import PoolState

__all__ = ["Connections", "Faults", "joined"]


class Connections(NamedTuple):
    """As `PoolState`, None where the engine does not tell; `errors` are the failures so far by their code."""

    active: int | None
    idle: int | None
    waiting: int | None
    waits: int | None
    waited_seconds: float | None
    errors: Mapping[str, int]


class Faults:
    """Counts connections that failed, by the code of their error."""

    def __init__(self) -> None:
        self._counts = dict.fromkeys((kind.code for kind in (ConnectFailed, Disconnected, TimedOut)), 0)

    def add(self, kind: type[ProviderError]) -> None:
        """One more of this kind."""
        self._counts[kind.code] += 1

    @property
    def by_code(self) -> Mapping[str, int]:
        """How many so far; another thread may ask."""
        return self._counts.copy()


def joined(parts: Iterable[tuple[PoolState | None, Mapping[str, int]]]) -> Connections:
    """The sum of several pools and of their failures."""
    pools, failures = zip(*parts, strict=True)
    errors: Counter[str] = Counter()
    for counts in failures:
        errors.update(counts)
    known = [pool for pool in pools if pool is not None]
    if len(known) < len(pools):
        return Connections(None, None, None, None, None, errors)
    active, idle, waiting, waits = (sum(figures) for figures in list(zip(*known, strict=True))[:4])
    return Connections(active, idle, waiting, waits, sum(pool.waited_seconds for pool in known), errors)
