"""The Redis ledger: one view of what budgets have left, for all workers of a group.

The view lives in Redis and is changed by one script (`ledger.lua`), so many workers at a time cannot take the same
dollar twice. It is a view only: when Redis was away, restarted, was emptied or replaced by a replica, the script finds
that out before it does anything else, nothing is reserved any more, and one of the workers builds the view anew from
Kafka (`kafka.upkeep`). Meanwhile runs wait, and none fails.

A reservation is worth something for `note_within_seconds` only: a call whose note is not stored by then does not begin.
So whoever builds the view anew has to wait just as long, and then every call that can be under way is in the journal.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, NamedTuple

from streamproc.money.account import Totals
from streamproc.money.batches import Batches, Condition, NotCarriedOut
from streamproc.money.cap import Account, Cap
from streamproc.money.caps import Caps, Check, judge
from streamproc.money.clock import Clock
from streamproc.money.ledger import Booked, Standing
from streamproc.money.ledger_orders import (
    MOST_EXACT,
    account_of,
    adopt_order,
    book_order,
    reserve_order,
    settle_order,
    totals_of,
    totals_order,
)
from streamproc.money.scope import Spend
from streamproc.money.store_redis import RedisStore, StoreAway
from streamproc.money.verdict import Held, Refused, Reserved, Verdict, Why
from streamproc.money.waiting import Waiting

__all__ = ["RedisLedger"]

_LOOK_SECONDS = 0.2
"""Between two looks at what other workers gave back, while somebody waits for it here."""

_KEPT_MS = 24 * 3600 * 1000
"""Sums stay for so long after their window, however wrong the clock of a worker may be."""

_GATHER_SECONDS = 0.02
"""What this worker's own calls give back is looked at once for all that end in so short a time."""


class _Asked(NamedTuple):
    monotonic: float
    time: float


class RedisLedger:
    """One for a worker; they all share one view."""

    def __init__(
        self,
        store: RedisStore,
        caps: Caps,
        time_zone: str,
        note_within_seconds: float,
        clock: Clock,
        names: Callable[[], str],
        changed: Callable[[Condition], None],
    ) -> None:
        """`names` gives a new name at each call; `changed` is told when the view opens, is lost, or is away."""
        self._store = store
        self._time_zone = time_zone
        self._note_within_seconds = note_within_seconds
        self._clock = clock
        self._batches = Batches(store, clock, names, changed)
        self._asked: dict[str, _Asked] = {}
        self._waiting = Waiting()
        self._stir = asyncio.Event()
        self._caps = caps
        self._batches.basis = self._basis(caps)

    def __repr__(self) -> str:
        return f"RedisLedger(asked={len(self._asked)}, {self._batches})"

    def _basis(self, caps: Caps) -> str:
        # Workers that tell days or users apart in different ways must not add to the same sums.
        return f"{self._time_zone}, users" if caps.tracks_users else self._time_zone

    @property
    def condition(self) -> Condition:
        """How the view stands."""
        return self._batches.condition

    @property
    def caps(self) -> Caps:
        """Those that hold now."""
        return self._caps

    async def run(self) -> None:
        """Talks to Redis until it is cancelled.

        Raises:
            SetupError: Redis refuses us.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._batches.run(), name="ledger batches")
            tasks.create_task(self._watch(), name="ledger room")

    async def close(self) -> None:
        """Disconnects, after it has told what is left to tell."""
        await self._batches.flush()
        await self._store.close()

    async def reserve(self, worst: Spend) -> Verdict:
        """Takes the most that a call can use out of every budget it touches, out of all of them or of none."""
        checks = self._caps.checks(worst)
        if isinstance(checks, Refused):
            return checks
        if self.condition.state != "open":
            return self._no_view(worst.run_id)
        # Before it is sent: the reservation is good from when it was made on, which is later.
        self._asked[worst.usage_id] = _Asked(self._clock.monotonic(), self._clock.time())
        try:
            found = await self._batches.ask(reserve_order(worst, self._caps.accounts(worst), checks))
        except (StoreAway, NotCarriedOut):
            self.release(worst.usage_id)  # it may have been made
            return self._no_view(worst.run_id)
        if not found:
            return Reserved()
        del self._asked[worst.usage_id]
        return self._judge(worst.run_id, checks, [(int(settled), int(reserved)) for settled, reserved in found])

    def _no_view(self, run_id: str) -> Held:
        state, sentence, *_ = self.condition
        why: Why = "away" if state == "away" else "rebuilding"
        return Held(why, sentence or "the ledger's view was lost just now", self._batches.room(run_id))

    def _judge(self, run_id: str, checks: Sequence[Check], sums: Sequence[tuple[int, int]]) -> Verdict:
        held: tuple[Check, Held] | None = None
        for check, (settled, reserved) in zip(checks, sums, strict=True):
            found = judge(check, settled, max(reserved, 0))
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
        self._batches.tell(("confirm", usage_id))
        return True

    def settle(self, spend: Spend) -> None:
        """The call ended and took so much."""
        self._asked.pop(spend.usage_id, None)
        self._batches.tell(settle_order(spend, self._current(spend)))
        self._stir.set()

    def release(self, usage_id: str) -> None:
        """The call was never made, or cost nothing."""
        self._asked.pop(usage_id, None)
        self._batches.tell(("release", usage_id))
        self._stir.set()

    def _current(self, spend: Spend) -> list[Account]:
        now_ms = int(self._clock.time() * 1000)
        return [account for account in self._caps.accounts(spend) if self._caps.is_current(account, now_ms)]

    async def book(self, partition: int, lines: Sequence[Booked], next_offset: int) -> None:
        """These lines stand in the usage topic; each closes its call's lease and counts once.

        Raises:
            StoreAway: Redis does not answer.
            NotCarriedOut: the view is not open.
        """
        await self.book_from(0, partition, lines, next_offset)

    async def book_from(self, begin: int, partition: int, lines: Sequence[Booked], end: int, build: str = "") -> int:
        """Books all lines of a partition from one offset to another, and tells where booking stands.

        Where that is before `begin`, something would be left out, and nothing was booked. `build` is for a view that is
        not open yet.

        Raises:
            StoreAway: Redis does not answer.
            NotCarriedOut: the view is not open, or somebody else builds it.
        """
        told = [(line, self._current(line.spend)) for line in lines]
        return int(await self._batches.ask(book_order(build, partition, begin, end, told)))

    async def adopt(self, worst: Sequence[Spend]) -> None:
        """Nothing to do: a view that is open has a lease for each call since it was built, and for those before."""

    async def adopt_all(self, worst: Iterable[Spend], build: str) -> None:
        """Gives each of these calls a lease in a view that is being built.

        Raises:
            StoreAway: Redis does not answer.
            NotCarriedOut: somebody else builds it.
        """
        orders = [adopt_order(build, spend, accounts) for spend in worst if (accounts := self._current(spend))]
        await asyncio.gather(*map(self._batches.ask, orders))

    async def order(self, name: str, *words: Any) -> Any:
        """Has one of the script's other orders carried out; for whoever keeps the view.

        Raises:
            StoreAway: Redis does not answer.
            NotCarriedOut: the view is not open for it.
        """
        return await self._batches.ask((name, *words))

    async def calls(self) -> Mapping[str, Mapping[str, Any]]:
        """The calls that are in no sum for good yet, by usage id, as the script writes them.

        Raises:
            StoreAway: Redis does not answer.
        """
        return {usage_id: call async for usage_id, call in self._store.calls()}

    async def tidy(self) -> None:
        """Drops the sums of windows that are over for good.

        Raises:
            StoreAway: Redis does not answer.
            NotCarriedOut: the view was lost.
        """
        past_ms = int(self._clock.time() * 1000) - _KEPT_MS
        for account, fields in (await self._sums()).items():
            if self._caps.ended_ms(account) < past_ms:
                await self._batches.ask(("drop", fields))

    async def _sums(self) -> dict[Account, list[str]]:
        """The accounts of the view, each with the names of the fields it has there."""
        found: dict[Account, list[str]] = {}
        async for field in self._store.sums():
            _, is_sum, account = field.partition(" [")
            if is_sum:
                found.setdefault(account_of(f"[{account}"), []).append(field)
        return found

    def since_ms(self) -> int:
        """When the earliest of the current windows began: what is older is in no sum."""
        return self._caps.starts_ms(int(self._clock.time() * 1000))

    async def govern(self, caps: Caps) -> None:
        """These caps hold from now on."""
        self._caps = caps
        self._batches.basis = self._basis(caps)
        self._waiting.free_all()

    async def standings(self, most: int | None = None) -> Sequence[Standing]:
        """Accounts of the current windows that have a cap, at most so many.

        Raises:
            StoreAway: Redis does not answer.
            NotCarriedOut: the view is not open.
        """
        now_ms = int(self._clock.time() * 1000)
        accounts = [
            account
            for account in await self._sums()
            if self._caps.is_current(account, now_ms)
            and any(cap.window == account.window for cap in self._caps.of(account.scope))
        ]
        replies = await self._batches.ask(totals_order(accounts))
        found = (
            self._standing(account, totals_of(reply), cap)
            for account, reply in zip(accounts, replies, strict=True)
            for cap in self._caps.of(account.scope)
            if cap.window == account.window
        )
        return list(islice(found, most))

    def _standing(self, account: Account, totals: Totals, cap: Cap) -> Standing:
        settled = totals.settled(cap.unit)
        state = self._caps.state(account, cap, settled)
        return Standing(account, cap.unit, cap.amount, settled, totals.reserved(cap.unit), totals.unknown, state)

    async def _watch(self) -> None:
        """Tells those who wait here of room, whoever made it."""
        while True:
            self._stir.clear()
            accounts = self._waiting.accounts
            self._batches.hurries = bool(accounts)
            if not accounts:
                await self._stir.wait()
                continue
            try:
                replies = await self._batches.ask(totals_order(accounts))
            except (StoreAway, NotCarriedOut):
                await self._clock.sleep(_LOOK_SECONDS)
                continue
            for account, reply in zip(accounts, replies, strict=True):
                self._waiting.freed(account, totals_of(reply))
            await self._clock.sleep(_GATHER_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._stir.wait()
