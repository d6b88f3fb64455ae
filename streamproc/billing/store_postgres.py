"""The bill in PostgreSQL, by asyncpg (extra `postgres`)."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Self

from streamproc.billing.database import KeyExists, Row, create_statement, upsert_clause
from streamproc.billing.tables import TABLES, Table
from streamproc.errors import SetupError

__all__ = ["PostgresDatabase"]

_KINDS = {"text": "text", "integer": "bigint", "bytes": "bytea"}
_CONNECT_SECONDS = 10.0
_LOCK_SECONDS = 10
_SCROLLED = 5_000
_LOCK_NOT_AVAILABLE = "55P03"
_UNIQUE_VIOLATION = "23505"


class PostgresDatabase:
    """One connection. Made by `open`."""

    def __init__(self, connection: Any, failures: tuple[type[Exception], ...], name: str) -> None:
        self._connection = connection
        self._failures = failures
        self._name = name

    @classmethod
    async def open(cls, address: str, password: str | None, *, create: bool) -> Self:
        """Connects; with `create` the tables are made where there are none.

        Raises:
            SetupError: asyncpg is not installed, the server cannot be reached, or it has no bill.
        """
        try:
            import asyncpg  # noqa: PLC0415 an extra
        except ImportError as exc:
            raise SetupError(
                "a bill in PostgreSQL needs the package asyncpg: pip install 'streamproc[postgres]'"
            ) from exc
        failures = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)
        options = {} if password is None else {"password": password}
        self = cls(None, failures, address.partition("?")[0])
        with self._errors("cannot reach the bill at"):
            try:
                self._connection = await asyncpg.connect(
                    address,
                    timeout=_CONNECT_SECONDS,
                    server_settings={"lock_timeout": f"{_LOCK_SECONDS}s", "application_name": "streamproc billing"},
                    **options,
                )
            except ValueError as exc:  # so asyncpg tells what is wrong in an address
                raise SetupError(f"{self._name} is no address of a bill: {exc}") from exc
        try:
            await self._prepare(create=create)
        except BaseException:
            await self.close()
            raise
        return self

    async def _prepare(self, *, create: bool) -> None:
        if create:
            async with self._block(isolation="read_committed"):
                # Two that make the same table at once would meet in an error.
                await self.select("SELECT pg_advisory_xact_lock(hashtext('streamproc billing'))")
                for table in TABLES:
                    await self.select(create_statement(table, _KINDS))
        elif await self.select("SELECT to_regclass('usage_store') IS NULL") == [(True,)]:
            raise SetupError(f"there is no bill at {self._name}: `streamproc billing run` makes it")

    @contextmanager
    def _errors(self, doing: str = "the bill cannot be used at") -> Iterator[None]:
        try:
            yield
        except self._failures as exc:
            state = getattr(exc, "sqlstate", None)
            if state == _LOCK_NOT_AVAILABLE:
                raise SetupError(f"another process writes to the bill at {self._name}: let it end first") from exc
            error = KeyExists if state == _UNIQUE_VIOLATION else SetupError
            raise error(f"{doing} {self._name}: {str(exc) or type(exc).__name__}") from exc

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """See `Database`."""
        async with self._block(isolation="read_committed"):
            await self.select("LOCK TABLE usage_offsets IN SHARE ROW EXCLUSIVE MODE")
            yield

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[None]:
        """See `Database`."""
        async with self._block(isolation="repeatable_read"):
            yield

    @asynccontextmanager
    async def _block(self, isolation: str) -> AsyncIterator[None]:
        with self._errors():
            async with self._connection.transaction(isolation=isolation):
                yield

    async def select(self, sql: str, *values: Any) -> list[Row]:
        """See `Database`."""
        with self._errors():
            return [tuple(row) for row in await self._connection.fetch(sql, *values)]

    async def among(self, sql: str, texts: Sequence[str]) -> list[Row]:
        """See `Database`."""
        return await self.select(f"{sql} = ANY($1::text[])", list(texts))

    async def scroll(self, sql: str, *values: Any) -> AsyncIterator[list[Row]]:
        """See `Database`. Only inside of `snapshot`."""
        with self._errors():
            cursor = await self._connection.cursor(sql, *values)
            while rows := await cursor.fetch(_SCROLLED):
                yield [tuple(row) for row in rows]

    async def append(self, table: Table, rows: Sequence[Row]) -> None:
        """See `Database`."""
        with self._errors():
            await self._connection.copy_records_to_table(table.name, records=rows, columns=list(table.columns))

    async def merge(self, table: Table, rows: Sequence[Row], change: str) -> None:
        """See `Database`."""
        sql = f"INSERT INTO {table.name} SELECT * FROM unnest($1::{table.name}[])"
        await self.select(sql + upsert_clause(table, change), rows)

    async def close(self) -> None:
        """See `Database`."""
        if self._connection is not None:
            with suppress(*self._failures):  # one that is lost is closed
                await self._connection.close(timeout=_CONNECT_SECONDS)
