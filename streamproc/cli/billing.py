"""`streamproc billing run`: usage lines from their topic into the bill."""

import asyncio
import logging
import signal
import time
from contextlib import AsyncExitStack
from typing import Annotated

from cyclopts import Parameter
from prometheus_client import CollectorRegistry
from structlog.typing import FilteringBoundLogger

from streamproc.billing.aggregate import Aggregation
from streamproc.billing.bill import Bill
from streamproc.billing.happenings import BillingObserver, Happening, MetricsServed
from streamproc.billing.log import BillingLog
from streamproc.billing.metrics import BillingMetrics
from streamproc.billing.opening import open_bill
from streamproc.billing.tally import Tally
from streamproc.cli.billing_options import Store, billing_settings
from streamproc.cli.options import ConfigFile
from streamproc.cli.run import calm_collector, loop_factory
from streamproc.kafka.usage_reader import UsageReader
from streamproc.observe.health import start_health_server
from streamproc.observe.logs import configure_logs, install_library_logs
from streamproc.settings.settings import Settings

__all__ = ["run"]


def run(
    *,
    store: Store = None,
    until_end: Annotated[
        bool, Parameter(help="Stop where the topic ended at the start, instead of waiting for more.", negative="")
    ] = False,
    skip_unreadable: Annotated[
        bool, Parameter(help="Go on behind records that cannot be read, and note them for later jobs.", negative="")
    ] = False,
    from_beginning: Annotated[
        bool, Parameter(help="Read the whole topic again; lines that are on the bill are passed over.", negative="")
    ] = False,
    config: ConfigFile = None,
) -> int:
    """Put the lines of the usage topic on the bill, each once, until SIGTERM or Ctrl-C.

    Lines and offsets are stored in one transaction, so it may be stopped or killed at any moment and started again.
    Exit code 0, or 1 when something came that is not on the bill: another line under a known id, a record that cannot
    be read, or records that were gone before they were read. Exit code 2 when it cannot go on.
    """
    settings = billing_settings(config, store)
    logger = configure_logs(settings.observe.log_level, settings.observe.log_format)
    skip = skip_unreadable or settings.billing.skip_unreadable
    calm_collector()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        job = _run(settings, logger, until_end=until_end, skip_unreadable=skip, from_beginning=from_beginning)
        try:
            tally = runner.run(job)
        except asyncio.CancelledError as exc:
            raise KeyboardInterrupt from exc
    return 0 if tally.is_whole else 1


async def _run(
    settings: Settings, logger: FilteringBoundLogger, *, until_end: bool, skip_unreadable: bool, from_beginning: bool
) -> Tally:
    stop = _Stop()
    async with AsyncExitStack() as stack:
        stack.callback(logging.getLogger().removeHandler, install_library_logs(logger))
        bill = await stack.enter_async_context(open_bill(settings.billing, create=True))
        observer = _Observers((BillingLog(logger, monotonic=time.monotonic),))
        if not until_end and settings.observe.metrics_enabled:
            observer = _serve(settings, observer, stack)
        reader = await stack.enter_async_context(UsageReader.connect(settings))
        if from_beginning:
            await bill.forget_offsets(settings.topics.usage)
        job = Aggregation(
            reader,
            settings.topics.usage,
            bill,
            observer,
            skip_unreadable=skip_unreadable,
            time=time.time,
            monotonic=time.monotonic,
        )
        stop.is_working = True
        tally = await job.run(stop.asked, until_end=until_end)
        print(await _summary(tally, bill, job.behind))  # noqa: T201 the command line speaks
        return tally


class _Stop:
    """The first signal lets a batch come to its end. A second one, or one while it starts, cuts: nothing is lost."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self._task = asyncio.current_task()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._signal)
        self.is_working = False

    def _signal(self) -> None:
        if self._task is not None and (self.asked.is_set() or not self.is_working):
            self._task.cancel()
        self.asked.set()


def _serve(settings: Settings, observer: "_Observers", stack: AsyncExitStack) -> "_Observers":
    registry = CollectorRegistry()
    counting = _Observers((*observer.each, BillingMetrics(registry)))
    port = start_health_server(
        settings.observe.metrics_host, settings.billing.metrics_port, registry, lambda: None, lambda: None
    )
    stack.callback(port.close)
    counting.saw(MetricsServed(port.port))
    return counting


class _Observers:
    def __init__(self, each: tuple[BillingObserver, ...]) -> None:
        self.each = each

    def saw(self, happening: Happening) -> None:
        for observer in self.each:
            observer.saw(happening)


async def _summary(tally: Tally, bill: Bill, behind: int) -> str:
    noted = await bill.noted()
    told = [f"{tally.lines:,} lines put on the bill, {tally.repeated:,} were there already; {behind:,} offsets left"]
    if tally.reread:
        told.append(f"of them {tally.reread:,} are of records that a former job could not read")
    for ever, now, what in (
        (noted.conflicts, tally.conflicts, "lines with the id of another one and other content"),
        (noted.unreadable, tally.unreadable, "records that cannot be read"),
        (noted.missed, tally.missed, "offsets gone before they were read"),
    ):
        if ever:
            told.append(f"NOT on the bill: {ever:,} {what} ({now:,} of them found now)")
    return "\n".join(told)
