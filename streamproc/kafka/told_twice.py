"""Failures that aiokafka (0.14) tells twice: to whoever sent a batch, and to a future of its own that nobody awaits.

asyncio reports the second one as an error with a traceback, once for each batch of a transaction that was fenced.
"""

import asyncio
from typing import Any

from aiokafka.errors import KafkaError

__all__ = ["pass_by_told_twice"]


def pass_by_told_twice(loop: asyncio.AbstractEventLoop) -> None:
    """Has the loop say nothing of such futures; everything else goes to whoever was told before."""
    former = loop.get_exception_handler()

    def told(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        is_untaken = isinstance(context.get("future"), asyncio.Future) and "never retrieved" in context["message"]
        if is_untaken and isinstance(context.get("exception"), KafkaError):
            return
        if former is None:
            loop.default_exception_handler(context)
        else:
            former(loop, context)

    loop.set_exception_handler(told)
