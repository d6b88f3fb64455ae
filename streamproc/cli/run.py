"""`streamproc run`: the worker."""

import asyncio
import gc
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from streamproc.cli.options import ConfigFile, settings_of
from streamproc.errors import SetupError
from streamproc.lifecycle import run_worker
from streamproc.observe.logs import configure_logs

__all__ = ["calm_collector", "loop_factory", "run"]

_COLLECTOR_THRESHOLDS = (50_000, 20, 100)


def run(*, config: ConfigFile = None) -> int:
    """Run a worker until SIGTERM or Ctrl-C.

    It drains on the first signal: running calls may end, results are committed. A second signal cuts them; nothing
    is lost, their requests are answered by the next worker. Exit code 0 after a stop, 2 when it cannot start.
    """
    settings = settings_of(config)
    if not settings.providers:
        raise SetupError("no provider is configured: add a [providers.NAME] table with its models to the settings")
    logger = configure_logs(settings.observe.log_level, settings.observe.log_format)
    calm_collector()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        work: Coroutine[Any, Any, int] = run_worker(settings, logger)
        runner.run(work)
    return 0


def calm_collector() -> None:
    """Lets Python look for cycles seldom.

    What is imported by now lives as long as the process, and our own work makes hardly any cycles: with Python's own
    thresholds the collector took a third of the CPU, going through thousands of waiting requests again and again.
    """
    gc.freeze()
    gc.set_threshold(*_COLLECTOR_THRESHOLDS)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Uvloop's loop where it is installed."""
    if sys.platform == "win32":
        return None
    try:
        import uvloop  # noqa: PLC0415 an extra
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
