"""A file that is no bill: it is told which one it is, and stays as it was."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from streamproc.billing.opening import open_bill
from streamproc.errors import SetupError
from streamproc.settings.billing import BillingSettings


def settings_of(path: Path) -> BillingSettings:
    """A bill in this file."""
    return BillingSettings(store=f"sqlite:{path}")


@pytest.mark.parametrize("create", [False, True])
@pytest.mark.parametrize("table", ["customers", "usage_store"])
async def test_a_database_of_another_program_is_left_alone(tmp_path: Path, table: str, *, create: bool) -> None:
    """A job once put its tables beside the others, and a mere report changed the journal mode of the file for good."""
    path = tmp_path / "shop.sqlite"
    with closing(sqlite3.connect(path)) as other:
        other.execute(f"CREATE TABLE {table} (version TEXT)")
    before = path.read_bytes()
    with pytest.raises(
        SetupError, match=r"shop\.sqlite is a database of another program: give the bill a file of its own"
    ):
        async with open_bill(settings_of(path), create=create):
            pass
    assert path.read_bytes() == before


async def test_an_empty_file_is_no_bill_until_a_job_makes_it_one(tmp_path: Path) -> None:
    """Whoever looks at it is told what to do; it once was told of a table that does not exist."""
    path = tmp_path / "bill.sqlite"
    path.touch()
    with pytest.raises(SetupError, match=r"there is no bill at .*: `streamproc billing run` makes it"):
        async with open_bill(settings_of(path), create=False):
            pass
    assert not path.read_bytes()
    async with open_bill(settings_of(path), create=True) as bill:
        assert await bill.totals() == {}
    async with open_bill(settings_of(path), create=False) as bill:
        assert await bill.wrong_sums() == []
