"""The embedded broker for tests: in a thread with an event loop of its own, so that a test's loop may come and go."""

import asyncio
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, ClassVar, Self, TypeVar

from streamproc.embedded.broker import Broker

__all__ = ["EmbeddedBroker"]

Result = TypeVar("Result")


class EmbeddedBroker:
    """A broker in a `with` block; the arguments are those of `streamproc.embedded.broker.Broker`.

    Attributes:
        bootstrap: address for clients, inside the block.
    """

    _running: ClassVar["weakref.WeakSet[EmbeddedBroker]"] = weakref.WeakSet()

    def __init__(self, **options: Any) -> None:
        self._options = options
        self._started: Future[Broker] = Future()
        self._thread = threading.Thread(target=self._run, name="embedded broker")
        self._loop: asyncio.AbstractEventLoop
        self._stopping: asyncio.Event
        self.bootstrap = ""

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self.bootstrap = self._started.result().bootstrap
        except BaseException:
            self._thread.join()
            raise
        self._running.add(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._running.discard(self)
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def call(self, act: Callable[[Broker], Result]) -> Result:
        """Runs a function of the broker in its loop and gives what it returns: `call(lambda b: b.faults.add(fault))`."""

        async def run() -> Result:
            return act(self._started.result())

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    @classmethod
    def forget(cls, prefix: str) -> None:
        """Deletes the topics that begin so, of all brokers: each client that starts asks for all topics there are."""
        for broker in cls._running:
            broker.call(lambda running: _forget(running, prefix))

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        try:
            broker = Broker(**self._options)
            await broker.start()
        except BaseException as error:  # noqa: BLE001 told to the thread that waits for the start
            self._started.set_exception(error)
            return
        self._started.set_result(broker)
        await self._stopping.wait()
        await broker.stop()


def _forget(broker: Broker, prefix: str) -> None:
    cluster = broker._cluster
    for name in [topic.name for topic in cluster.topics if topic.name.startswith(prefix)]:
        cluster.topics.delete(name)
        cluster.groups.forget_topic(name)
