"""Planned calls of the broker."""

import asyncio

from streamproc.embedded.timing import Timers


async def test_a_planned_call_is_made_once() -> None:
    """In its order, and then it is planned no more."""
    timers, made = Timers(), asyncio.Queue[str]()
    timers.call_later(0.02, lambda: made.put_nowait("second"))
    timers.call_later(0.0, lambda: made.put_nowait("first"))
    assert len(timers) == 2
    assert [await made.get(), await made.get()] == ["first", "second"]
    assert len(timers) == 0


async def test_a_cancelled_call_is_not_made() -> None:
    """One alone, or all at the end of the broker."""
    timers, made = Timers(), asyncio.Queue[str]()
    timers.call_later(0.0, lambda: made.put_nowait("alone")).cancel()
    for _ in range(3):
        timers.call_later(0.0, lambda: made.put_nowait("all"))
    timers.cancel()
    assert len(timers) == 0
    await asyncio.sleep(0.01)
    assert made.empty()
