"""The bill in SQLite: one file, written by one process at a time, readable beside it.

`synchronous` is NORMAL: a killed process loses nothing, and a machine that loses power may lose the last
transactions, lines and offsets together; the job then reads those lines from Kafka again.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Self

import orjson

from streamproc.billing.database import KeyExists, Row, create_statement, upsert_clause
from streamproc.billing.tables import LINES, TABLES, Table
from streamproc.errors import SetupError

__all__ = ["SqliteDatabase"]

_OLDEST = (3, 37, 0)  # the first with STRICT tables, which refuse a sum that has left the integers
_KINDS = {"text": "TEXT", "integer": "INTEGER", "bytes": "BLOB"}
_PATIENCE_SECONDS = 10.0
_SCROLLED = 5_000
_SIGNS = {"usage_lines", "usage_store"}  # tables by which a bill of any version is known
_KEY_EXISTS = sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY


class SqliteDatabase:
    """A connection in a thread of its own. Made by `open`."""

    def __init__(self, path: Path, thread: ThreadPoolExecutor) -> None:
        self._path = path
        self._thread = thread
        self._connection: sqlite3.Connection

    @classmethod
    async def open(cls, path: Path, *, create: bool) -> Self:
        """Opens the file; with `create` it is made with its tables where there is none.

        Raises:
            SetupError: there is no such file, or it is no database.
        """
        self = cls(path, ThreadPoolExecutor(1, "billing-sqlite"))
        try:
            await self._do(self._open, create)
        except BaseException:
            self._thread.shutdown()
            raise
        return self

    def _open(self, create: bool) -> None:  # noqa: FBT001 called by name of the thread only
        if sqlite3.sqlite_version_info < _OLDEST:
            raise SetupError(f"billing needs SQLite 3.37 or newer; this Python has {sqlite3.sqlite_version}")
        if not create and not self._path.exists():
            raise self._missing()
        self._connection = sqlite3.connect(
            self._path, timeout=_PATIENCE_SECONDS, isolation_level=None, check_same_thread=False
        )
        self._check_whose(create=create)
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute("PRAGMA cache_size = -65536")  # KiB
        if create:
            self._connection.execute("PRAGMA journal_mode = WAL")  # stays in the file: a mere look leaves it alone
            self._connection.execute("BEGIN IMMEDIATE")
            for table in TABLES:
                # Small rows stand in the tree of their keys; the wide ones of usage lines would make it slow.
                ending = " STRICT" if table is LINES else " STRICT, WITHOUT ROWID"
                self._connection.execute(create_statement(table, _KINDS, ending))
            self._connection.execute("COMMIT")

    def _check_whose(self, *, create: bool) -> None:
        found = {name for (name,) in self._connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        if found and not found >= _SIGNS:
            raise SetupError(f"{self._path} is a database of another program: give the bill a file of its own")
        if not found and not create:
            raise self._missing()

    def _missing(self) -> SetupError:
        return SetupError(f"there is no bill at {self._path}: `streamproc billing run` makes it")

    async def _do(self, work: Any, *values: Any) -> Any:
        def told() -> Any:
            with self._errors():
                return work(*values)

        return await asyncio.get_running_loop().run_in_executor(self._thread, told)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as exc:
            if "locked" in str(exc):
                raise SetupError(f"another process writes to {self._path}: let it end first") from exc
            error = KeyExists if getattr(exc, "sqlite_errorcode", None) == _KEY_EXISTS else SetupError
            raise error(f"the bill at {self._path} cannot be used: {exc}") from exc

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """See `Database`."""
        async with self._block("BEGIN IMMEDIATE"):
            yield

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[None]:
        """See `Database`."""
        async with self._block("BEGIN"):
            yield

    @asynccontextmanager
    async def _block(self, begin: str) -> AsyncIterator[None]:
        await self.select(begin)
        try:
            yield
        except BaseException:
            await self.select("ROLLBACK")
            raise
        await self.select("COMMIT")

    async def select(self, sql: str, *values: Any) -> list[Row]:
        """See `Database`."""
        rows: list[Row] = await self._do(lambda: self._connection.execute(_own(sql), values).fetchall())
        return rows

    async def among(self, sql: str, texts: Sequence[str]) -> list[Row]:
        """See `Database`."""
        return await self.select(f"{sql} IN (SELECT value FROM json_each($1))", orjson.dumps(texts).decode())

    async def scroll(self, sql: str, *values: Any) -> AsyncIterator[list[Row]]:
        """See `Database`."""
        cursor = await self._do(lambda: self._connection.execute(_own(sql), values))
        while rows := await self._do(cursor.fetchmany, _SCROLLED):
            yield rows

    async def append(self, table: Table, rows: Sequence[Row]) -> None:
        """See `Database`."""
        await self._do(partial(self._connection.executemany, _insert(table)), rows)

    async def merge(self, table: Table, rows: Sequence[Row], change: str) -> None:
        """See `Database`."""
        await self._do(partial(self._connection.executemany, _insert(table) + upsert_clause(table, change)), rows)

    async def close(self) -> None:
        """See `Database`."""
        await self._do(self._connection.close)
        self._thread.shutdown()


def _own(sql: str) -> str:
    # SQLite has numbered values, too, and another sign for them.
    return sql.replace("$", "?")


def _insert(table: Table) -> str:
    return f"INSERT INTO {table.name} VALUES ({', '.join('?' * len(table.columns))})"
