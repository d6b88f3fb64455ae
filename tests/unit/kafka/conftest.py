"""What the tests of dispatch are given."""

from collections.abc import AsyncIterator

import pytest

from tests.unit.kafka.dispatch_rig import Rig


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    """Two slots. Nothing runs on after the test."""
    made = Rig()
    yield made
    made.dispatch.stop()
    for owner in made.owners:
        await owner.cancel_running()
