"""The deadlines of a call, without a network."""

import asyncio

import pytest

from streamproc.providers.deadlines import Deadlines


async def test_silence_ends_a_wait() -> None:
    """The wait ends with TimeoutError, and the task counts as not cancelled."""
    deadlines = Deadlines(total_seconds=10)
    deadlines.watch_silence(0.05)
    with pytest.raises(TimeoutError, match=r"no event for 0\.05 seconds"), deadlines:
        await asyncio.sleep(5)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0)  # no cancellation is left over


async def test_waits_without_progress_add_up() -> None:
    """Bytes that are no event do not start the silence again."""
    deadlines = Deadlines(total_seconds=10)
    deadlines.watch_silence(0.2)

    async def many_waits() -> None:
        for _ in range(100):
            with deadlines:
                await asyncio.sleep(0.02)

    with pytest.raises(TimeoutError):
        await many_waits()


async def test_progress_starts_the_silence_again() -> None:
    """Many short waits with events between them may last longer than one silence may."""
    deadlines = Deadlines(total_seconds=10)
    deadlines.watch_silence(1.0)
    for _ in range(25):
        with deadlines:
            await asyncio.sleep(0.05)
        deadlines.progress()
    deadlines.close()


async def test_time_outside_is_no_silence() -> None:
    """A consumer may be slow."""
    deadlines = Deadlines(total_seconds=10)
    deadlines.watch_silence(0.1)
    for _ in range(3):
        with deadlines:
            await asyncio.sleep(0)
        await asyncio.sleep(0.25)
    deadlines.close()


async def test_total_counts_from_the_start() -> None:
    """Progress does not move it, and it is told at the next wait when it passes outside."""
    deadlines = Deadlines(total_seconds=0.1)
    deadlines.watch_silence(10)
    await asyncio.sleep(0.2)
    with pytest.raises(TimeoutError, match=r"not done after 0\.1 seconds"), deadlines:
        pytest.fail("the wait must not begin")


async def test_cancellation_from_outside() -> None:
    """It stays a CancelledError, also when the deadline passes in the same turn of the loop."""
    deadlines = Deadlines(total_seconds=0.1)

    async def wait() -> None:
        with deadlines:
            await asyncio.sleep(5)

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    deadlines._fire()  # what the timer does, before it is due: nothing
    await asyncio.sleep(0.05)
    assert not task.done()
    asyncio.get_running_loop().call_later(0.02, task.cancel)
    until = asyncio.get_running_loop().time() + 0.2
    while asyncio.get_running_loop().time() < until:  # blocks the loop until both are due
        pass
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_closed_deadlines_fire_no_more() -> None:
    """After the call nothing is cancelled."""
    deadlines = Deadlines(total_seconds=0.05)
    with deadlines:
        await asyncio.sleep(0)
    deadlines.close()
    await asyncio.sleep(0.1)
    with deadlines:
        await asyncio.sleep(0)
