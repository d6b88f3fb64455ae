"""Futures of aiokafka's that nobody awaits: their failure is known already. All else is still reported."""

import asyncio
import gc
from typing import Any

from aiokafka.errors import ProducerFenced

from streamproc.kafka.told_twice import pass_by_told_twice


def forget(failure: Exception) -> None:
    """Leaves a future behind whose failure nobody took."""
    asyncio.get_running_loop().create_future().set_exception(failure)
    gc.collect()


async def test_only_failures_of_kafka_in_futures_are_passed_by() -> None:
    """A worker that was shut out printed a traceback for each of its batches."""
    loop = asyncio.get_running_loop()
    reported: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: reported.append(context))
    pass_by_told_twice(loop)
    forget(ProducerFenced())
    assert reported == []
    defect = ValueError("ours")
    forget(defect)
    loop.call_exception_handler({"message": "something else", "exception": ProducerFenced()})
    assert [context["message"] for context in reported] == ["Future exception was never retrieved", "something else"]
    loop.set_exception_handler(None)
