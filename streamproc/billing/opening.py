"""From an address to an open bill."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from streamproc.billing.bill import Bill
from streamproc.billing.database import Database
from streamproc.billing.store_postgres import PostgresDatabase
from streamproc.billing.store_sqlite import SqliteDatabase
from streamproc.settings.billing import BillingSettings
from streamproc.settings.secret import read_secret
from streamproc.settings.store_address import SQLITE

__all__ = ["open_bill"]


@asynccontextmanager
async def open_bill(settings: BillingSettings, *, create: bool) -> AsyncIterator[Bill]:
    """The bill at `billing.store`, closed behind the block; with `create` it is made where there is none.

    Raises:
        SetupError: there is none, it cannot be reached, or a newer program made it.
    """
    database: Database
    if settings.store.startswith(SQLITE):
        database = await SqliteDatabase.open(Path(settings.store.removeprefix(SQLITE)), create=create)
    else:
        password = read_secret(settings.store_password, settings.store_password_file, "billing.store_password")
        database = await PostgresDatabase.open(settings.store, password, create=create)
    bill = Bill(database)
    try:
        await bill.check_version(create=create)
        yield bill
    finally:
        await bill.close()
