"""A worker process from start to stop: what is checked first, which signals end it, what is closed when."""

import asyncio
import faulthandler
import logging
import os
import signal
import sys
from contextlib import AsyncExitStack, suppress
from functools import partial

from prometheus_client import CollectorRegistry
from structlog.typing import FilteringBoundLogger

from streamproc.app import Worker
from streamproc.errors import SetupError
from streamproc.kafka.rights import check_rights
from streamproc.kafka.told_twice import pass_by_told_twice
from streamproc.kafka.topics import check_topics
from streamproc.observe.health import start_health_server
from streamproc.observe.logs import CallLog, install_library_logs
from streamproc.observe.metrics import Metrics
from streamproc.observe.observers import Observers
from streamproc.providers.catalog import Catalog
from streamproc.settings.settings import Settings
from streamproc.system_clock import SystemClock
from streamproc.watchdog import Watchdog

__all__ = ["run_worker"]

_EXIT_STUCK = 70  # EX_SOFTWARE of sysexits.h


async def run_worker(settings: Settings, logger: FilteringBoundLogger) -> int:
    """Runs until SIGTERM, Ctrl-C or the end of its terminal, drains, and gives the number of calls that were cut.

    A second signal cuts the running calls at once; their runs will be done again by whoever has the partition next.

    Raises:
        SetupError: something is missing or wrong; the message says what, where and what to do.
    """
    pass_by_told_twice(asyncio.get_running_loop())
    # Whoever iterates a stream of ours closes it. A register of all of them, the loop's own, would cost every call.
    sys.set_asyncgen_hooks(firstiter=None)
    stop = asyncio.Event()
    async with AsyncExitStack() as stack:
        library_log = install_library_logs(logger)
        stack.callback(logging.getLogger().removeHandler, library_log)
        starting = asyncio.create_task(_start(settings, logger, stack), name="start")
        await _until_signal(stop, starting)
        if not starting.done():
            starting.cancel()
            with suppress(asyncio.CancelledError, SetupError):
                await starting
            logger.info("stopped", cut=0)
            return 0
        worker = starting.result()
        logger.info("started", group=settings.kafka.group, topics=[source.topic for source in settings.sources])
        polling = asyncio.create_task(worker.consumer.run(), name="poll")
        watchdog = Watchdog(
            lambda: worker.consumer.last_poll, settings.worker.watchdog_seconds, partial(_end_process, logger)
        )
        watchdog.start()
        try:
            await _until_signal(stop, polling)
        finally:
            watchdog.stop()
        if polling.done():
            polling.result()
        logger.info("draining", running=worker.consumer.dispatch.running, seconds=settings.worker.drain_seconds)
        draining = asyncio.create_task(worker.drain(), name="drain")
        await _until_signal(stop, draining)
        if not draining.done():
            logger.warning("second signal: cutting running calls")
            worker.consumer.cut()
        cut = await draining
        polling.cancel()
        with suppress(asyncio.CancelledError, SetupError):
            await polling
        logger.info("stopped", cut=cut)
        return cut


async def _start(settings: Settings, logger: FilteringBoundLogger, stack: AsyncExitStack) -> Worker:
    clock = SystemClock()
    registry = CollectorRegistry()
    await check_rights(settings)
    await check_topics(settings)
    catalog = Catalog(settings.providers, now=clock.time)
    stack.push_async_callback(catalog.aclose)
    await catalog.check_reachable()
    observers = Observers((CallLog(logger),))
    worker = Worker(settings, catalog, observers, clock)
    observers.add(Metrics(registry, worker.state))
    if settings.observe.metrics_enabled:
        health = start_health_server(
            settings.observe.metrics_host,
            settings.observe.metrics_port,
            registry,
            worker.liveness,
            worker.readiness,
        )
        stack.callback(health.close)
        logger.info("serving metrics and health", port=health.port)
    stack.push_async_callback(worker.stop)
    await worker.start()
    return worker


def _end_process(logger: FilteringBoundLogger, seconds: float) -> None:
    # No drain and no farewell: nothing is known of what hangs. What is unfinished is found by the next owner.
    logger.critical("stuck", reason="the poll loop stands still; the process ends", seconds=round(seconds))
    faulthandler.dump_traceback()
    os._exit(_EXIT_STUCK)


async def _until_signal(stop: asyncio.Event, task: "asyncio.Task[object]") -> None:
    loop = asyncio.get_running_loop()
    stop.clear()
    # A terminal that goes away says so, except to who was told to outlive it (nohup).
    outlives = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    for number in (signal.SIGTERM, signal.SIGINT, *(() if outlives else (signal.SIGHUP,))):
        loop.add_signal_handler(number, stop.set)
    waiting = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({waiting, task}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
