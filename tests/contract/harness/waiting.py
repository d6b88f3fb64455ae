"""Waiting for a condition, with a deadline so generous that only a defect reaches it."""

import asyncio
import time
from collections.abc import Awaitable, Callable

__all__ = ["eventually", "eventually_found", "stays"]

_PATIENCE_SECONDS = 40.0
_STEP_SECONDS = 0.01
_ASK_SECONDS = 0.03  # a question to a broker costs both ends something


async def eventually(is_so: Callable[[], object], told: Callable[[], object] = lambda: "") -> None:
    """Returns as soon as the condition holds; fails with what `told` says when it never does."""
    give_up = time.monotonic() + _PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < give_up, f"did not come about: {told()}"
        await asyncio.sleep(_STEP_SECONDS)


async def eventually_found(look: Callable[[], Awaitable[object]]) -> None:
    """The same for a condition that has to be asked for."""
    give_up = time.monotonic() + _PATIENCE_SECONDS
    while not await look():
        assert time.monotonic() < give_up, "did not come about"
        await asyncio.sleep(_ASK_SECONDS)


async def stays(value: Callable[[], object], seconds: float) -> bool:
    """Whether a value is still the same after a while."""
    before = value()
    await asyncio.sleep(seconds)
    return value() == before
