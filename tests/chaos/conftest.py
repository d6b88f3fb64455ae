"""The embedded broker alone, for scenarios that ask nothing of a broker that one of both would answer differently."""

from collections.abc import Iterator

import pytest

from tests.servers.embedded import EmbeddedBroker


@pytest.fixture(scope="session")
def embedded() -> Iterator[str]:
    """Bootstrap address of an embedded broker."""
    with EmbeddedBroker() as broker:
        yield broker.bootstrap


@pytest.fixture(scope="session", autouse=True)
def workers_are_warm(warm: None) -> None:
    """Workers are forked; those of `make chaos` start from nothing."""
