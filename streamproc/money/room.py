"""Room: a signal, given once, that somebody who waits may try again."""

from collections.abc import Callable

__all__ = ["Room"]


class Room:
    """Opens once. Who asks after that is told at once."""

    __slots__ = ("_is_open", "_told")

    def __init__(self) -> None:
        self._told: Callable[[], bool] | None = None
        self._is_open = False

    def then(self, told: Callable[[], bool]) -> None:
        """Has it called when there is room; it says whether anybody still waited."""
        self._told = told
        if self._is_open:
            told()

    def open(self) -> bool:
        """Tells whoever waits; False when nobody does any more, so that the next one can have the room."""
        self._is_open = True
        return True if self._told is None else self._told()
