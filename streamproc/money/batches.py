"""Batches: the orders of one process to the ledger's store, many of them in a round trip.

While one batch is under way the next one is collected. Some orders are waited for; the others (a call has ended, its
note is stored) leave with the next batch, or a moment later on their own. They are kept until they are carried out, so
nothing that a call gave back is lost while the store is away or its view is built anew.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Any, Literal, NamedTuple

from streamproc.errors import StreamprocError
from streamproc.money.clock import Clock
from streamproc.money.ledger_orders import Order
from streamproc.money.room import Room
from streamproc.money.store_redis import Answer, RedisStore, StoreAway

__all__ = ["Batches", "Condition", "NotCarriedOut"]

_MOST = 200
"""Orders in a batch: Redis serves nobody else for some milliseconds then."""

_MOST_FORMER = 1000
"""Lives of the view that are over are known by name: a former master may come back with one."""

_LINGER_SECONDS = 0.25
_HURRY_SECONDS = 0.01
_PROBE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 2.0


class NotCarriedOut(StreamprocError):
    """The view is not open, or an order came too late for it."""


class Condition(NamedTuple):
    """How the view stands, as far as this process knows, and since when by the monotonic clock.

    A view that is `lost` has to be built anew from Kafka. One that is `foreign` was built by workers with other
    settings, or is built by one at present, or is one that was given up before.
    """

    state: Literal["open", "lost", "foreign", "away"]
    sentence: str
    generation: str
    since: float


class _Ask(NamedTuple):
    order: Order
    reply: "asyncio.Future[Any]"


class Batches:
    """Carries orders to the store, one batch at a time.

    Attributes:
        basis: what this process counts by; a view that counts by something else is not used.
        hurries: somebody waits here for what the next orders give back.
    """

    def __init__(
        self, store: RedisStore, clock: Clock, names: Callable[[], str], changed: Callable[[Condition], None]
    ) -> None:
        """`names` gives a new name at each call; `changed` is told of each change of the condition."""
        self._store = store
        self._clock = clock
        self._names = names
        self._changed = changed
        self._asks: deque[_Ask] = deque()
        self._tells: deque[Order] = deque()
        self._work = asyncio.Event()
        self._rooms: dict[str, Room] = {}
        self._failures = 0
        self._generation = ""
        self._former: deque[str] = deque(maxlen=_MOST_FORMER)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told_at = self._sent_at = 0.0
        self.basis = ""
        self.hurries = False
        self.condition = Condition("away", "the ledger's store has not answered yet", "", clock.monotonic())

    def __repr__(self) -> str:
        return f"Batches({self.condition.state}, asks={len(self._asks)}, tells={len(self._tells)})"

    def count_by(self, basis: str) -> None:
        """A view that counts by something else is not used from now on; what was asked by the former is given up."""
        if basis != self.basis:
            self.basis = basis
            self._fail("the caps have changed just now")

    def room(self, run_id: str) -> Room:
        """Opens when the view is open; a run has one."""
        room = self._rooms[run_id] = Room()
        return room

    async def ask(self, order: Order) -> Any:
        """Has an order carried out now, and gives its reply.

        Raises:
            StoreAway: the store does not answer; the order may have been carried out.
            NotCarriedOut: the view is not open for it.
        """
        if self.condition.state == "away":
            raise StoreAway(self.condition.sentence)
        ask = _Ask(order, asyncio.get_running_loop().create_future())
        self._asks.append(ask)
        self._work.set()
        reply = await ask.reply
        if reply is None:
            raise NotCarriedOut(self.condition.sentence)
        return reply

    def tell(self, order: Order) -> None:
        """Has an order carried out soon. It must be one that does no harm when it is carried out twice."""
        if not self._tells and self._loop is not None:
            self._told_at = self._loop.time()
        self._tells.append(order)
        self._work.set()

    async def run(self) -> None:
        """Sends until it is cancelled.

        Raises:
            SetupError: the store refuses us.
        """
        self._loop = asyncio.get_running_loop()
        try:
            while True:
                await self._due()
                await self._send()
        finally:
            self._fail("the worker ends")

    async def flush(self) -> None:
        """Sends what is left to tell, after `run` has ended; gives up when the store does not take it."""
        while self._tells and self.condition.state == "open":
            await self._send()

    async def _due(self) -> None:
        while not self._asks:
            self._work.clear()
            try:
                async with asyncio.timeout_at(self._time_to_send()):
                    await self._work.wait()
            except TimeoutError:
                return

    def _time_to_send(self) -> float | None:
        # From fixed times on: what is told meanwhile puts nothing off.
        if self.condition.state != "open":
            return self._sent_at + _PROBE_SECONDS
        if not self._tells:
            return None
        return self._told_at + (_HURRY_SECONDS if self.hurries else _LINGER_SECONDS)

    async def _send(self) -> None:
        self._sent_at = asyncio.get_running_loop().time()
        is_open = self.condition.state == "open"
        tells = list(islice(self._tells, _MOST)) if is_open else []
        # What was told before an ask is carried out before it: a release that comes late would free the next
        # reservation of its call.
        most = 0 if is_open and len(self._tells) > _MOST else _MOST
        asks = [self._asks.popleft() for _ in range(min(most, len(self._asks)))]
        # Whoever was cut off while it waited has told the release already.
        asks = [ask for ask in asks if not ask.reply.done()]
        try:
            answer = await self._store.run(self._names(), self.basis, [*tells, *(ask.order for ask in asks)])
        except StoreAway as exc:
            self._asks.extendleft(reversed(asks))
            self._away(str(exc))
            await self._clock.sleep(min(_PROBE_SECONDS * self._failures, _LONGEST_PAUSE_SECONDS))
            return
        except BaseException:
            self._asks.extendleft(reversed(asks))
            raise
        self._failures = 0
        if self._take(answer):
            for _ in tells:
                self._tells.popleft()
        for ask, reply in zip(asks, answer.replies[len(tells) :], strict=True):
            if not ask.reply.done():
                ask.reply.set_result(reply)

    def _take(self, answer: Answer) -> bool:
        """Whether the view can be believed that has just answered."""
        if answer.generation != self._generation:
            self._former.append(self._generation)
            self._generation = answer.generation
        is_former = answer.generation in self._former
        if is_former:
            self._become("foreign", "a Redis with a view of the past has come back", answer.generation)
        elif answer.is_open:
            self._become("open", "", answer.generation)
            rooms, self._rooms = self._rooms, {}
            for room in rooms.values():
                room.open()
        elif answer.basis in ("", self.basis):
            self._become("lost", "what was spent is read anew from Kafka", answer.generation)
        else:
            sentence = f"the ledger's view counts by {answer.basis!r}, and this worker by {self.basis!r}"
            self._become("foreign", sentence, answer.generation)
        return answer.is_open and not is_former

    def _become(self, state: Literal["open", "lost", "foreign", "away"], sentence: str, generation: str) -> None:
        now = self.condition
        if (now.state, now.generation) != (state, generation):
            self.condition = Condition(state, sentence, generation, self._clock.monotonic())
            if now.state != state:
                self._changed(self.condition)

    def _away(self, sentence: str) -> None:
        self._failures += 1
        self._become("away", sentence, "")
        self._fail(sentence)

    def _fail(self, sentence: str) -> None:
        asks, self._asks = self._asks, deque()
        for ask in asks:
            if not ask.reply.done():
                ask.reply.set_exception(StoreAway(sentence))
