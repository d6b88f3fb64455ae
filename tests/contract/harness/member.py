"""A worker in this process, as the composition root builds it, and what it saw."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import cache
from typing import TypeVar

from streamproc.app import Worker
from streamproc.kafka.assignment import Assignment
from streamproc.money.tokens import TokenCounter
from streamproc.observe.events import Happening
from streamproc.providers.catalog import Catalog
from streamproc.settings.settings import Settings
from streamproc.system_clock import SystemClock
from tests.contract.harness.waiting import eventually

__all__ = ["Member", "prepared_member", "running_member"]

Kind = TypeVar("Kind")


@cache
def _counter() -> TokenCounter:
    """One for all members: the ranks of tokens take a third of a second to load, and never change."""
    return TokenCounter()


class MovableClock(SystemClock):
    """This machine's clock; its time of day can be moved, for what waits for minutes.

    Attributes:
        ahead_seconds: how much later it is than on this machine.
    """

    def __init__(self) -> None:
        self.ahead_seconds = 0.0

    def time(self) -> float:
        """Unix time in seconds."""
        return super().time() + self.ahead_seconds


class Member:
    """A running member of the group. `seen` holds all that its observer was told."""

    def __init__(self, settings: Settings, catalog: Catalog) -> None:
        self.seen: list[Happening] = []
        self._deferred = settings.topics.deferred
        self._clock = MovableClock()
        self.worker = Worker(settings, catalog, self, self._clock, _counter())
        self.polling: asyncio.Task[None] | None = None

    async def join(self) -> None:
        """Joins the group and polls."""
        await self.worker.start()
        self.polling = asyncio.create_task(self.worker.consumer.run(), name="poll")

    def move_clock(self, seconds: float) -> None:
        """So much time goes by. Timers that run already do not know of it, so it looks for what is due now."""
        self._clock.ahead_seconds += seconds
        self.worker.consumer.dispatch.start_ready()

    def saw(self, happening: Happening) -> None:
        """The observer's method."""
        self.seen.append(happening)

    def all(self, kind: type[Kind]) -> list[Kind]:
        """Everything of one kind that was seen."""
        return [happening for happening in self.seen if isinstance(happening, kind)]

    @property
    def requested(self) -> list[Assignment]:
        """Its partitions of request topics; it has some with deferred runs beside them."""
        return [item for item in self.worker.consumer.assignments if item.key.topic != self._deferred]

    @property
    def claimed(self) -> int:
        """Partitions of request topics that are its own and take records."""
        return sum(item.is_ready for item in self.requested)

    async def has_claimed(self, partitions: int) -> None:
        """Waits until so many partitions are its own, and those with deferred runs that it has beside them."""
        await eventually(lambda: self.has_ended or self._has_claimed(partitions), lambda: self.worker.consumer)
        assert not self.has_ended, self.polling

    def _has_claimed(self, partitions: int) -> bool:
        return self.claimed == partitions and all(item.is_ready for item in self.worker.consumer.assignments)

    @property
    def has_ended(self) -> bool:
        """Whether its poll loop is over."""
        return self.polling is not None and self.polling.done()


@asynccontextmanager
async def prepared_member(settings: Settings) -> AsyncIterator[Member]:
    """A member with all that takes time behind it, before its `join`; in the end it is cut off, unless it was drained.

    Whatever ended its poll loop before is raised here.
    """
    catalog = Catalog(settings.providers, now=SystemClock().time)
    member = Member(settings, catalog)
    try:
        await asyncio.to_thread(member.worker.load)
        yield member
    finally:
        await member.worker.stop()
        if member.polling is not None:
            member.polling.cancel()
            with suppress(asyncio.CancelledError):
                await member.polling
        await catalog.aclose()


@asynccontextmanager
async def running_member(settings: Settings) -> AsyncIterator[Member]:
    """A member that has joined; its partitions come soon after."""
    async with prepared_member(settings) as member:
        await member.join()
        yield member
