"""One row of an export file: its values by name, and the sentence that says where a wrong one stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from streamproc.errors import SetupError

__all__ = ["Item"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).toordinal()
_MOST_DIGITS = 18  # before or behind the point


@dataclass(frozen=True, slots=True)
class Item:
    """Values by the names of their columns or fields. `where` names file and line, or the place in the JSON.

    Every method raises SetupError, with place and name, where a value is not what it should be.
    """

    where: str
    values: Mapping[str, Any]

    def has(self, name: str) -> bool:
        """Whether there is a value."""
        return self.values.get(name) not in (None, "")

    def text(self, name: str) -> str | None:
        """A name, or None where there is none."""
        value = self.values.get(name)
        if value in (None, ""):
            return None
        # What is not printable is half a character, or a word to the terminal that shows it.
        if not isinstance(value, str) or not value.isprintable():
            raise self.wrong(name, "is no text")
        return value

    def count(self, name: str) -> int:
        """A number of tokens or requests; nothing is none. Spreadsheets write 3 as 3.0."""
        number = self.amount(name) if self.has(name) else Decimal(0)
        if number < 0 or number != int(number):
            raise self.wrong(name, "is no whole number from 0 on")
        return int(number)

    def amount(self, name: str) -> Decimal:
        """A number as it was written, without the detour over binary fractions."""
        value = self.values.get(name)
        try:
            number = Decimal(str(value)) if isinstance(value, str | int | Decimal) and value is not True else None
        except InvalidOperation:
            number = None
        # Its size is read off its digits: calculating with 1e400000000 would take for ever.
        if number is None or not number.is_finite() or (number and abs(number.adjusted()) > _MOST_DIGITS):
            raise self.wrong(name, "is no number")
        return number

    def day(self, name: str) -> int:
        """The day of a time, since 1970 in UTC: unix seconds, a date, or an RFC 3339 time."""
        value = self.values.get(name)
        try:
            if isinstance(value, int) or (isinstance(value, str) and value.isascii() and value.isdigit()):
                return datetime.fromtimestamp(int(value), UTC).toordinal() - _EPOCH
            moment = datetime.fromisoformat(str(value))
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError, OSError) as exc:
            raise self.wrong(name, "is no time") from exc
        return moment.toordinal() - _EPOCH

    def part(self, name: str) -> "Item":
        """The object in a field."""
        value = self.values.get(name)
        if not isinstance(value, Mapping):
            raise self.wrong(name, "is no object")
        return Item(f"{self.where}.{name}", value)

    def parts(self, name: str) -> "list[Item]":
        """The objects in the list in a field."""
        value = self.values.get(name)
        if not isinstance(value, list):
            raise self.wrong(name, "is no list")
        items = [Item(f"{self.where}.{name}[{number}]", one) for number, one in enumerate(value)]
        for item in items:
            if not isinstance(item.values, Mapping):
                raise SetupError(f"{item.where} is no object")
        return items

    def wrong(self, name: str, what: str) -> SetupError:
        """The error for a value."""
        if name not in self.values:
            return SetupError(f"{self.where}: {name} is missing")
        return SetupError(f"{self.where}: {name} is {str(self.values[name])[:80]!r}, which {what}")
