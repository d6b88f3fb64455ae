"""The failure of a task: what nobody would hear of, because nobody awaits it."""

import asyncio
from typing import Any

__all__ = ["failure_of"]


def failure_of(task: asyncio.Task[Any]) -> BaseException | None:
    """What an ended task died of; None when it did its work, or was cancelled.

    A client library may cancel who waits in it. The task then ends as if it had been asked to, and its work is left
    undone: so a cancellation that nobody asked for is a failure.
    """
    if not task.cancelled():
        return task.exception()
    return None if task.cancelling() else RuntimeError(f"{task.get_name()} was cancelled by nobody of ours")
