"""Several observers told as one."""

from collections.abc import Sequence

from streamproc.observe.events import Happening, Observer

__all__ = ["Observers"]


class Observers:
    """Tells several observers; an observer's own failure does not reach the work."""

    def __init__(self, observers: Sequence[Observer] = ()) -> None:
        self._observers = tuple(observers)
        self.failures = 0

    def add(self, observer: Observer) -> None:
        """Tells this one, too, from now on."""
        self._observers = (*self._observers, observer)

    def saw(self, happening: Happening) -> None:
        """Tells each observer."""
        for observer in self._observers:
            try:
                observer.saw(happening)
            except Exception:  # noqa: BLE001 an observer may be a user's own code, and the work goes first
                self.failures += 1
