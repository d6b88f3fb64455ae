"""All tests of this folder start commands; what they name `PROGRAM` starts from nothing."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def commands_are_warm(warm: None) -> None:
    """Commands and workers are forked."""
