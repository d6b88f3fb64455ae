"""The rebuild of a memory ledger: what was spent, and what may be under way, is read from Kafka before a call begins.

In this order. All partitions are claimed first: from then on nobody else begins a call, and what the journal says of
open calls is adopted. Then the usage topic is read up to its end, so that the lines of adopted calls close their
leases.
"""

import asyncio
from collections.abc import Callable

from aiokafka.errors import IllegalStateError, KafkaError

from streamproc.chain.clock import Clock
from streamproc.kafka.failure import failure_of
from streamproc.kafka.usage_feed import UnreadableUsage, UsageFeed
from streamproc.money.ledger_memory import MemoryLedger
from streamproc.observe.events import JournalTrouble, LedgerOpened, Observer

__all__ = ["Rebuild"]

_LOOK_SECONDS = 0.05
_RETRY_SECONDS = 1.0


class Rebuild:
    """Opens the ledger, keeps it true to what is written after that, and builds it again when it asks for it.

    It shuts it when a usage line cannot be read. `failure` is set when it died of a defect.
    """

    def __init__(
        self,
        ledger: MemoryLedger,
        feed: UsageFeed,
        since_ms: Callable[[], int],
        has_all: Callable[[], bool],
        clock: Clock,
        observer: Observer,
    ) -> None:
        """`since_ms` is when the earliest window began that counts; `has_all`, whether every partition is claimed."""
        self._ledger = ledger
        self._feed = feed
        self._since_ms = since_ms
        self._has_all = has_all
        self._clock = clock
        self._observer = observer
        self._task: asyncio.Task[None] | None = None
        self.failure: BaseException | None = None

    async def start(self) -> None:
        """Connects, and begins when all partitions are claimed.

        Raises:
            KafkaError: no broker answers, or it refuses us.
        """
        await self._feed.start()
        self._task = asyncio.create_task(self._run(), name="ledger")
        self._task.add_done_callback(self._note_end)

    async def stop(self) -> None:
        """Disconnects."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._feed.stop()

    def _note_end(self, task: asyncio.Task[None]) -> None:
        self.failure = failure_of(task)

    async def _run(self) -> None:
        while not self._has_all():
            await self._clock.sleep(_LOOK_SECONDS)
        while True:
            try:
                if self._ledger.is_open:
                    await self._feed.read_on()
                else:
                    began = self._clock.monotonic()
                    self._ledger.begin()
                    await self._feed.read_from(self._since_ms())
                    if self._ledger.open():
                        self._observer.saw(LedgerOpened(self._clock.monotonic() - began))
            except UnreadableUsage as error:
                # No look at it again would help: another program, or other settings, come with another process.
                self._ledger.shut(str(error))
                return
            except (IllegalStateError, KafkaError) as exc:
                self._observer.saw(JournalTrouble("", f"the ledger cannot read the usage topic: {exc!r}"))
                await self._clock.sleep(_RETRY_SECONDS)
