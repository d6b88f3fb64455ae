"""The stage: broker, mock provider, topics and a worker, in this process and on this event loop."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from streamproc.app import Worker
from streamproc.demo.settings import MODELS, read_settings, settings_text
from streamproc.embedded.broker import Broker
from streamproc.errors import SetupError
from streamproc.kafka.topics import create_topics
from streamproc.mock.behaviour import MockSettings
from streamproc.mock.server import MockServer, serve
from streamproc.observe.events import Observer
from streamproc.providers.catalog import Catalog
from streamproc.settings.settings import Settings
from streamproc.system_clock import SystemClock

__all__ = ["Stage", "open_stage"]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Stage:
    """What runs. `settings_text` is the TOML file that reaches it from another process."""

    settings: Settings
    settings_text: str
    mock: MockServer
    worker: Worker
    polling: "asyncio.Task[None]"

    async def play(self, work: Coroutine[Any, Any, _T]) -> _T:
        """What the work gives, unless the worker ends before it.

        Raises:
            SetupError: the worker ended.
        """
        task = asyncio.create_task(work, name="play")
        try:
            await asyncio.wait({task, self.polling}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise SetupError("the worker of the demo ended before its work") from self.polling.exception()
            return task.result()
        finally:
            # It uses what the stage closes next, so its own end comes first.
            task.cancel()
            await asyncio.wait({task})


@asynccontextmanager
async def open_stage(port: int, observer: Observer) -> AsyncIterator[Stage]:
    """Starts everything and, on every way out, stops it again.

    Args:
        port: of the broker, on the loopback address; 0 takes a free one.
        observer: is told what the worker does.

    Raises:
        SetupError: a port cannot be had.
    """
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        broker = Broker(port=port)
        try:
            await stack.enter_async_context(broker)
        except OSError as exc:
            raise SetupError(
                f"the broker cannot use port {port}: {exc.strerror}; choose another --port, or leave it out"
            ) from exc
        mock = await stack.enter_async_context(await serve(MockSettings(models=tuple(name for name, _, _ in MODELS))))
        text = settings_text(broker.bootstrap, mock.base_url)
        settings = read_settings(text)
        catalog = Catalog(settings.providers, now=clock.time)
        stack.push_async_callback(catalog.aclose)
        worker = Worker(settings, catalog, observer, clock)
        stack.push_async_callback(worker.stop)
        # Loading is a second of reading prices and token ranks in a thread; the topics are made meanwhile.
        await asyncio.gather(create_topics(settings), asyncio.to_thread(worker.load))
        await worker.start()
        polling = asyncio.create_task(worker.consumer.run(), name="poll")
        stack.push_async_callback(_ended, polling)
        yield Stage(settings, text, mock, worker, polling)


async def _ended(polling: "asyncio.Task[None]") -> None:
    polling.cancel()
    await asyncio.wait({polling})
