"""Upkeep: one worker of the group keeps the Redis ledger's view true to Kafka. The others stand by.

It books what is published. It builds the view anew when it was lost: it waits until no reservation of the lost view can
lead to a call any more, takes the open calls from the journal, and then the lines of the current windows from the usage
topic. And it frees leases of workers that died before they could say what became of their calls.

Where a usage line cannot be read, nobody knows what was spent: the view is given up, and so is the lead, so that a
worker can take it that reads the line, or is told to pass it over.

That there is one only saves work. The view takes no line twice, and of two who build it the later one counts.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from aiokafka.errors import IllegalStateError, KafkaError

from streamproc.chain.clock import Clock
from streamproc.errors import SetupError
from streamproc.kafka.usage_feed import UnreadableUsage, UsageFeed
from streamproc.money.batches import NotCarriedOut
from streamproc.money.leases import Suspects
from streamproc.money.ledger import Booked
from streamproc.money.scope import Spend
from streamproc.money.store_redis import StoreAway, StoreRefused
from streamproc.money.view_redis import RedisView
from streamproc.observe.events import JournalTrouble, LedgerOpened, Observer

__all__ = ["Booking", "Upkeep"]

_LEAD_SECONDS = 5.0
_RENEW_SECONDS = 1.0
_LOOK_SECONDS = 0.1
_RETRY_SECONDS = 0.5
_SWEEP_SECONDS = 5.0
_TIDY_SECONDS = 3600.0


class Booking:
    """Books what the feed reads, into the view that is open or is being built."""

    def __init__(self, view: RedisView) -> None:
        self._view = view
        self._next: dict[int, int] = {}
        self._build = ""

    def begin(self, offsets: Mapping[int, int], build: str = "") -> None:
        """The feed goes on from these offsets, and from its own choice elsewhere; `build` is of a view not yet open."""
        self._next = dict(offsets)
        self._build = build

    def open(self) -> None:
        """The view is open; the feed goes on where it is."""
        self._build = ""

    async def book(self, partition: int, lines: Sequence[Booked], next_offset: int) -> None:
        """Books them.

        Raises:
            StoreAway: Redis does not answer.
            NotCarriedOut: the view is another one meanwhile.
        """
        begin = self._next.get(partition, 0)
        stands = await self._view.book_from(begin, partition, lines, next_offset, self._build)
        if stands < begin:
            raise NotCarriedOut(f"booking of partition {partition} stands at {stands}, and not at {begin}")
        self._next[partition] = next_offset


class Upkeep:
    """One for a worker; it works while it leads.

    Attributes:
        leads: it keeps the view at present.
        gave_up: why it will not lead any more; empty while it may.
    """

    def __init__(
        self,
        view: RedisView,
        feed: UsageFeed,
        booking: Booking,
        open_calls: Callable[[], Awaitable[Sequence[Spend]]],
        note_within_seconds: float,
        call_seconds: float,
        names: Callable[[], str],
        clock: Clock,
        observer: Observer,
    ) -> None:
        """The feed's lines go into `booking`; no call takes longer than `call_seconds`."""
        self._view = view
        self._feed = feed
        self._booking = booking
        self._open_calls = open_calls
        self._note_within_seconds = note_within_seconds
        self._names = names
        self._clock = clock
        self._observer = observer
        self._name = names()
        self._suspects = Suspects(2 * note_within_seconds, call_seconds)
        self._generation = ""
        self._swept_at = self._tidied_at = clock.monotonic()
        self.leads = False
        self.gave_up = ""

    async def run(self) -> None:
        """Keeps the view until it is cancelled.

        Raises:
            StoreRefused: Redis refuses us.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._lead(), name="ledger lead")
            tasks.create_task(self._keep(), name="ledger upkeep")

    async def _lead(self) -> None:
        # Beside the work: to build a view may take longer than the lead lasts.
        while not self.gave_up:
            try:
                is_lead = await self._view.order("lead", self._name, _LEAD_SECONDS * 1000)
                self.leads = bool(is_lead) and not self.gave_up
            except (StoreAway, NotCarriedOut):
                self.leads = False
            await self._clock.sleep(_RENEW_SECONDS)

    async def _keep(self) -> None:
        while not self.gave_up:
            try:
                await self._step()
            except UnreadableUsage as error:
                await self._give_up(str(error))
            except (StoreAway, NotCarriedOut):
                self._generation = ""
                await self._clock.sleep(_RETRY_SECONDS)
            except StoreRefused:
                raise
            except (IllegalStateError, KafkaError, SetupError, TimeoutError) as exc:
                self._generation = ""
                self._observer.saw(JournalTrouble("", f"the budgets cannot be read from Kafka: {exc!r}"))
                await self._clock.sleep(_RETRY_SECONDS)

    async def _give_up(self, sentence: str) -> None:
        self.leads = False
        self.gave_up = sentence
        while True:
            try:
                # Not one that somebody else has built meanwhile.
                await self._view.order("forget", self._generation)
            except (StoreAway, NotCarriedOut):
                await self._clock.sleep(_RETRY_SECONDS)
            else:
                return

    async def _step(self) -> None:
        condition = self._view.condition
        if not self.leads or condition.state == "away":
            self._generation = ""
            await self._clock.sleep(_LOOK_SECONDS)
        elif condition.state == "foreign":
            await self._view.order("forget", condition.generation)
        elif condition.state == "lost":
            left = condition.since + self._note_within_seconds - self._clock.monotonic()
            if left > 0:
                await self._clock.sleep(min(left, _LOOK_SECONDS))
            else:
                await self._build(condition.generation)
        else:
            await self._follow(condition.generation)

    async def _build(self, generation: str) -> None:
        began = self._clock.monotonic()
        build = self._names()
        if not await self._view.order("build", generation, build):
            return
        self._booking.begin({}, build)
        await self._view.adopt_all(await self._open_calls(), build)
        await self._feed.read_from(self._view.since_ms())
        if await self._view.order("open", build):
            self._generation = generation
            self._booking.open()
            self._observer.saw(LedgerOpened(self._clock.monotonic() - began))

    async def _follow(self, generation: str) -> None:
        if self._generation != generation:
            await self._resume()
            self._generation = generation
        await self._feed.read_on()
        now = self._clock.monotonic()
        if now - self._swept_at >= _SWEEP_SECONDS:
            self._swept_at = now
            await self._sweep(now)
        if now - self._tidied_at >= _TIDY_SECONDS:
            self._tidied_at = now
            await self._view.tidy()

    async def _resume(self) -> None:
        """Goes on where the one who kept the view before left off."""
        partitions = self._feed.partitions
        found = await self._view.order("offsets", partitions)
        offsets = {at: int(offset or 0) for at, offset in zip(partitions, found, strict=True)}
        self._feed.go_to(offsets)
        self._booking.begin(offsets)

    async def _sweep(self, now: float) -> None:
        suspects = self._suspects.look(await self._view.calls(), now)
        if not suspects:
            return
        open_calls = {spend.usage_id for spend in await self._open_calls()}
        await self._feed.read_to_end()
        for lease in suspects:
            if lease.usage_id in open_calls:
                self._suspects.clear(lease, now)
                await self._view.order("confirm", lease.usage_id)
            else:
                await self._view.order("free", lease.usage_id, lease.at)
