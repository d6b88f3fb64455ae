"""A label of a metric whose values come from outside: bounded in number, or a sender could fill the memory."""

__all__ = ["OTHER", "BoundedLabel"]

OTHER = "other"
"""The label of names beyond the bound."""


class BoundedLabel:
    """The first `limit` distinct names keep their own label; all later ones share "other"."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._names: set[str] = set()

    def label(self, name: str) -> str:
        """The label for a name."""
        if name in self._names:
            return name
        if len(self._names) >= self._limit:
            return OTHER
        self._names.add(name)
        return name
