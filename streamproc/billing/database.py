"""The seam to a database: a few statements that SQLite and PostgreSQL both understand, and those that differ."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from streamproc.billing.tables import Table
from streamproc.errors import SetupError

__all__ = ["Database", "KeyExists", "create_statement", "upsert_clause"]

Row = tuple[Any, ...]


class KeyExists(SetupError):
    """A new row has the key of a row that is there; its transaction cannot go on."""


class Database(Protocol):
    """A connection. Statements take values as $1, $2 and so on; errors of the database are told as SetupError."""

    def transaction(self) -> AbstractAsyncContextManager[None]:
        """All of its block is stored, or nothing. Only one block at a time, over all processes, may write."""
        ...

    def snapshot(self) -> AbstractAsyncContextManager[None]:
        """What its block reads is of one moment."""
        ...

    async def select(self, sql: str, *values: Any) -> list[Row]:
        """The rows of a question, or none of a change."""
        ...

    async def among(self, sql: str, texts: Sequence[str]) -> list[Row]:
        """The rows of a question that ends in `IN`, asked for these texts."""
        ...

    def scroll(self, sql: str, *values: Any) -> AsyncIterator[list[Row]]:
        """The rows of a question, some thousands at a time."""
        ...

    async def append(self, table: Table, rows: Sequence[Row]) -> None:
        """New rows, of the table's columns in their order.

        Raises:
            KeyExists: one of them is there already, or something else under its key.
        """
        ...

    async def merge(self, table: Table, rows: Sequence[Row], change: str) -> None:
        """Rows of which some may be there: these are left, where `change` is empty, or else changed by it."""
        ...

    async def close(self) -> None:
        """Ends the connection."""
        ...


def create_statement(table: Table, kinds: dict[str, str], ending: str = "") -> str:
    """Makes a table where there is none; `kinds` are the database's own names for text, integer and bytes."""
    columns = ", ".join(
        f"{name} {kinds[kind.rstrip('?')]}{'' if kind.endswith('?') else ' NOT NULL'}"
        for name, kind in table.columns.items()
    )
    return f"CREATE TABLE IF NOT EXISTS {table.name} ({columns}, PRIMARY KEY ({', '.join(table.key)})){ending}"


def upsert_clause(table: Table, change: str) -> str:
    """The end of an INSERT for rows that may be there."""
    return f" ON CONFLICT ({', '.join(table.key)}) DO {'UPDATE SET ' + change if change else 'NOTHING'}"
