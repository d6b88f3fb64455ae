"""The Redis ledger: one view of what budgets have left, for all workers of a group.

The view lives in Redis and is changed by one script (`ledger.lua`), so many workers at a time cannot take the same
dollar twice. It is a view only: when Redis was away, restarted, was emptied or replaced by a replica, the script finds
that out before it does anything else, nothing is reserved any more, and one of the workers builds the view anew from
Kafka (`kafka.upkeep`). Meanwhile runs wait, and none fails.

A reservation is worth something for `note_within_seconds` only: a call whose note is not stored by then does not begin.
So whoever builds the view anew has to wait just as long, and then every call that can be under way is in the journal.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from streamproc.money.account import Totals
from streamproc.money.batches import Condition, NotCarriedOut
from streamproc.money.cap import Account
from streamproc.money.caps import Caps
from streamproc.money.check import Check, judge
from streamproc.money.clock import Clock
from streamproc.money.known_totals import KnownTotals
from streamproc.money.ledger import Booked, Standing
from streamproc.money.ledger_orders import (
    MOST_EXACT,
    reserve_order,
    settle_order,
    totals_of,
    totals_order,
)
from streamproc.money.scope import Spend
from streamproc.money.spent import Slowed, slowed, spent_share
from streamproc.money.store_redis import StoreAway
from streamproc.money.verdict import Held, Refused, Reserved, Verdict, Why
from streamproc.money.view_redis import RedisView
from streamproc.money.waiting import Waiting

__all__ = ["RedisLedger"]

_LOOK_SECONDS = 0.2
"""Between two looks at what other workers gave back, while somebody waits for it here."""

_GATHER_SECONDS = 0.02
"""What this worker's own calls give back is looked at once for all that end in so short a time."""


class _Asked(NamedTuple):
    monotonic: float
    time: float


class RedisLedger:
    """One for a worker; they all share one view."""

    def __init__(self, view: RedisView, note_within_seconds: float, clock: Clock) -> None:
        self.view = view
        self._note_within_seconds = note_within_seconds
        self._clock = clock
        self._asked: dict[str, _Asked] = {}
        self._waiting = Waiting()
        self._known = KnownTotals(self._totals, clock)
        self._stir = asyncio.Event()

    def __repr__(self) -> str:
        return f"RedisLedger(asked={len(self._asked)}, {self.view})"

    @property
    def condition(self) -> Condition:
        """How the view stands."""
        return self.view.condition

    async def run(self) -> None:
        """Talks to Redis until it is cancelled.

        Raises:
            SetupError: Redis refuses us.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.view.batches.run(), name="ledger batches")
            tasks.create_task(self._watch(), name="ledger room")
            tasks.create_task(self._known.run(), name="ledger shares")

    async def reserve(self, worst: Spend) -> Verdict:
        """Takes the most that a call can use out of every budget it touches, out of all of them or of none."""
        checks = self.view.caps.checks(worst)
        if isinstance(checks, Refused):
            return checks
        if self.condition.state != "open":
            return self._no_view(worst.run_id)
        # Before it is sent: the reservation is good from when it was made on, which is later.
        self._asked[worst.usage_id] = _Asked(self._clock.monotonic(), self._clock.time())
        try:
            found = await self.view.batches.ask(reserve_order(worst, self.view.caps.accounts(worst), checks))
        except (StoreAway, NotCarriedOut):
            found = None
        if found is None or self.condition.state != "open":  # the answer may be that of a view of the past
            self.release(worst.usage_id)  # it may have been made
            return self._no_view(worst.run_id)
        if not found:
            return Reserved()
        self._asked.pop(worst.usage_id, None)
        return self._judge(worst.run_id, checks, [(int(settled), int(reserved)) for settled, reserved in found])

    def _no_view(self, run_id: str) -> Held:
        state, sentence, *_ = self.condition
        why: Why = "away" if state == "away" else "rebuilding"
        return Held(why, sentence or "the ledger's view was lost just now", self.view.batches.room(run_id))

    def _judge(self, run_id: str, checks: Sequence[Check], sums: Sequence[tuple[int, int]]) -> Verdict:
        held: tuple[Check, Held] | None = None
        for check, (settled, reserved) in zip(checks, sums, strict=True):
            found = judge(check, settled, reserved)
            if found is None and (settled >= MOST_EXACT or settled + check.ask > MOST_EXACT):
                found = Refused("spent", f"the Redis ledger counts no further than {MOST_EXACT} in a window")
            if isinstance(found, Refused):
                return found
            if found is not None and held is None:
                held = check, found
        if held is None:
            # Beyond what a double tells apart: what others have reserved will show.
            return Held("reserved_by_others", "calls under way have reserved what the Redis ledger can count")
        check, verdict = held
        room = self._waiting.add(run_id, check)
        self._stir.set()
        return verdict._replace(room=room)

    def confirm(self, usage_id: str) -> bool:
        """Whether the call's note was stored in time."""
        asked = self._asked.pop(usage_id, None)
        if asked is None:
            return False
        # A machine that slept may have stopped one of its clocks.
        age = max(self._clock.monotonic() - asked.monotonic, self._clock.time() - asked.time)
        if age >= self._note_within_seconds:
            return False
        self.view.batches.tell(("confirm", usage_id))
        return True

    def settle(self, spend: Spend) -> None:
        """The call ended and took so much."""
        self._asked.pop(spend.usage_id, None)
        self.view.batches.tell(settle_order(spend))
        self._stir.set()

    def release(self, usage_id: str) -> None:
        """The call was never made, or cost nothing."""
        self._asked.pop(usage_id, None)
        self.view.batches.tell(("release", usage_id))
        self._stir.set()

    async def book(self, partition: int, lines: Sequence[Booked], next_offset: int) -> None:
        """These lines stand in the usage topic; each closes its call's lease and counts once.

        Raises:
            StoreAway: Redis does not answer.
            NotCarriedOut: the view is not open.
        """
        await self.view.book_from(0, partition, lines, next_offset)

    async def adopt(self, worst: Sequence[Spend]) -> None:
        """Nothing to do: a view that is open has a lease for each call since it was built, and for those before."""

    def spent_share(self, call: Spend) -> float | None:
        """The same as of a second or two ago. An account that was not asked about for a while is not known at first."""
        return spent_share(self.view.caps, call, self._known.get)

    def slowed(self, call: Spend) -> tuple[Slowed, ...]:
        """The budgets that slow down such a call, as of the same time."""
        return slowed(self.view.caps, call, self._known.get) if self.view.caps.slows else ()

    async def govern(self, caps: Caps) -> None:
        """These caps hold from now on."""
        self.view.govern(caps)
        self._waiting.free_all()

    async def standings(self, most: int | None = None) -> Sequence[Standing]:
        """Accounts of the current windows that have a cap, at most so many.

        Raises:
            StoreAway: Redis does not answer.
            NotCarriedOut: the view is not open.
        """
        return await self.view.standings(most)

    async def _totals(self, accounts: Sequence[Account]) -> Sequence[Totals] | None:
        try:
            return [totals_of(reply) for reply in await self.view.batches.ask(totals_order(accounts))]
        except (StoreAway, NotCarriedOut):
            return None

    async def _watch(self) -> None:
        """Tells those who wait here of room, whoever made it."""
        while True:
            self._stir.clear()
            accounts = self._waiting.accounts
            self.view.batches.hurries = bool(accounts)
            if not accounts:
                await self._stir.wait()
                continue
            try:
                replies = await self.view.batches.ask(totals_order(accounts))
            except (StoreAway, NotCarriedOut):
                await self._clock.sleep(_LOOK_SECONDS)
                continue
            for account, reply in zip(accounts, replies, strict=True):
                self._waiting.freed(account, totals_of(reply))
            await self._clock.sleep(_GATHER_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._stir.wait()
