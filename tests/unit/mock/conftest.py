"""A mock provider for each test, and the official SDK on it."""

from collections.abc import AsyncIterator

import pytest
from openai import AsyncOpenAI

from streamproc.mock.behaviour import MockSettings
from streamproc.mock.server import MockServer, serve


@pytest.fixture
async def mock() -> AsyncIterator[MockServer]:
    """A running mock provider."""
    async with await serve(MockSettings(retry_after_seconds=0.5), now=lambda: 1_764_000_000) as server:
        yield server


@pytest.fixture
async def sdk(mock: MockServer) -> AsyncIterator[AsyncOpenAI]:
    """The SDK without its own retries."""
    async with AsyncOpenAI(base_url=mock.base_url, api_key="any", max_retries=0) as client:
        yield client
