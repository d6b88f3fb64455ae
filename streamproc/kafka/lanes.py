"""Lanes of one topic: one for each partition that is written to, each with a task that sends."""

import asyncio
from collections.abc import Callable

from streamproc.kafka.failure import failure_of
from streamproc.kafka.lane import Lane

__all__ = ["Lanes"]


class Lanes:
    """Makes lanes as they are asked for. `failure` is set when one died of a defect."""

    def __init__(self, make: Callable[[int], Lane], name: str) -> None:
        """`make` gives a partition's lane; `name` is what its task is called."""
        self._make = make
        self._name = name
        self._lanes: dict[int, Lane] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self.failure: BaseException | None = None

    def __len__(self) -> int:
        return len(self._lanes)

    def of(self, partition: int) -> Lane:
        """The lane of a partition."""
        lane = self._lanes.get(partition)
        if lane is None:
            lane = self._lanes[partition] = self._make(partition)
            task = asyncio.create_task(lane.run(), name=f"{self._name}-{partition}")
            task.add_done_callback(self._note_end)
            self._tasks.append(task)
        return lane

    def leave(self) -> None:
        """Sends whatever waits in them."""
        for lane in self._lanes.values():
            lane.leave()

    def _note_end(self, task: asyncio.Task[None]) -> None:
        self.failure = self.failure or failure_of(task)

    async def stop(self) -> None:
        """Sends nothing any more."""
        for lane in self._lanes.values():
            lane.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
