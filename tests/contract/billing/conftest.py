"""A bill of its own for each test: in SQLite, and again in PostgreSQL."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from streamproc.billing.bill import Bill
from streamproc.billing.opening import open_bill
from streamproc.settings.billing import BillingSettings
from tests.contract.billing.stage import UsageTopic, usage_topic

Open = Callable[..., AbstractAsyncContextManager[Bill]]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Address of a bill that is not there yet; what holds has to hold in both databases."""
    if request.param == "postgres":
        yield request.getfixturevalue("postgres").new_database()
    else:
        yield f"sqlite:{tmp_path / 'bill.sqlite'}"


@pytest.fixture
def opened(store: str) -> Open:
    """Opens that bill, as often as it is called."""
    return partial(open_bill, BillingSettings(store=store))


@pytest_asyncio.fixture
async def topic(bootstrap: str, topic_prefix: str) -> AsyncIterator[UsageTopic]:
    """A usage topic with two partitions."""
    async with usage_topic(bootstrap, topic_prefix) as topic:
        yield topic
