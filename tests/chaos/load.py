"""The load: requests of mixed length, streamed and not, at an even pace, through the product's own sender."""

import asyncio
import time
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from random import Random
from typing import Any

import orjson
from aiokafka.errors import KafkaError

from streamproc.errors import PublishFailed
from streamproc.kafka.sender import Sender
from streamproc.records.identity import RunId

__all__ = ["MODELS", "Load", "make_request"]

MODELS: Mapping[str, float] = {"mock-t20-i10-f20": 0.5, "mock-t60-i15-f50": 0.4, "mock-t120-i30-f50": 0.1}
"""Models by their share of the requests: answers of 0.2, 0.9 and 3.6 seconds."""

_STREAMED = 0.7

_QUESTION = (
    "what becomes of an answer whose worker is killed, frozen or asked to leave while its tokens are still on their way, "
    "who pays for the part that nobody will read, and how can one tell from the records alone that it was paid for once?"
)
"""As long as prompts are: of a few words alone no worker would learn how the provider counts them."""


def make_request(number: int, random: Random) -> dict[str, Any]:
    """A request; two of the same text would be the same to the provider, so each has its number in it."""
    (model,) = random.choices(list(MODELS), list(MODELS.values()))
    return {
        "request_id": f"chaos-{number}",
        "tenant": "chaos",
        "model": model,
        "messages": [{"role": "user", "content": f"Question number {number}: {_QUESTION}"}],
        "stream": random.random() < _STREAMED,
    }


class Load:
    """Sends so many requests in so many seconds.

    Attributes:
        sent: requests handed over so far.
        refused: requests that Kafka did not take, or may not have taken; they count as never sent.
    """

    def __init__(self, options: Mapping[str, Any], topic: str, seed: int, requests: int, seconds: float) -> None:
        self._topic = topic
        self._random = Random(seed)
        self._requests = requests
        self._seconds = seconds
        self._waiting: set[asyncio.Task[None]] = set()
        self._sender = Sender(options)
        self.sent = 0
        self.refused = 0

    async def run(self) -> None:
        """Sends all of them, and waits until each is stored."""
        await self._connect()
        try:
            started = time.monotonic()
            while self.sent < self._requests:
                due = min(self._requests, int((time.monotonic() - started) / self._seconds * self._requests) + 1)
                while self.sent < due:
                    await self._send()
                await asyncio.sleep(0.02)
            await asyncio.gather(*self._waiting)
        finally:
            await self._sender.stop()

    async def _connect(self) -> None:
        while True:
            with suppress(KafkaError, OSError):
                return await self._sender.start()
            await asyncio.sleep(0.2)

    async def _send(self) -> None:
        self.sent += 1
        request = make_request(self.sent, self._random)
        key, now = request["request_id"].encode(), int(time.time() * 1000)
        try:
            stored = await self._sender.send(self._topic, key, orjson.dumps(request), (), now)
        except PublishFailed:
            self.refused += 1
            return
        task = asyncio.create_task(self._await(stored))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def _await(self, stored: Awaitable[RunId]) -> None:
        try:
            await stored
        except PublishFailed:
            self.refused += 1
