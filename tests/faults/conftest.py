"""Every fault is met on both event loops: asyncio's own, and uvloop's where it is installed, as in the worker."""

import asyncio
import importlib.util
from collections.abc import Callable, Mapping

__all__ = ["pytest_asyncio_loop_factories"]


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Loops by name, for each test of this folder."""
    loops: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
    if importlib.util.find_spec("uvloop") is not None:
        import uvloop  # noqa: PLC0415 an extra

        loops["uvloop"] = uvloop.new_event_loop
    return loops
