"""A mock provider for each test, and the official SDK on it."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from streamproc.mock.behaviour import MockSettings
from streamproc.mock.server import MockServer, serve

if TYPE_CHECKING:
    from openai import AsyncOpenAI


@pytest.fixture
async def mock() -> AsyncIterator[MockServer]:
    """A running mock provider."""
    async with await serve(MockSettings(retry_after_seconds=0.5), now=lambda: 1_764_000_000) as server:
        yield server


@pytest.fixture
async def sdk(mock: MockServer) -> AsyncIterator["AsyncOpenAI"]:
    """The SDK without its own retries."""
    from openai import AsyncOpenAI  # noqa: PLC0415 half a second, and all processes of a run read this file

    async with AsyncOpenAI(base_url=mock.base_url, api_key="any", max_retries=0) as client:
        yield client
