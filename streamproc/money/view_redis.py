"""The view that the Redis ledger keeps in Redis, as one worker has it: its orders to it, and what it reads of it."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from streamproc.money.account import Totals
from streamproc.money.batches import Batches, Condition
from streamproc.money.cap import Account, Cap
from streamproc.money.caps import Caps
from streamproc.money.clock import Clock
from streamproc.money.ledger import Booked, Standing
from streamproc.money.ledger_orders import account_of, adopt_order, book_order, totals_of, totals_order
from streamproc.money.scope import Spend
from streamproc.money.store_redis import RedisStore

__all__ = ["RedisView"]


_ACCOUNTS_AT_ONCE = 500


class RedisView:
    """One for a worker; all of a group look at the same.

    Attributes:
        caps: those that hold now.
        batches: the way to it.
    """

    def __init__(
        self,
        store: RedisStore,
        caps: Caps,
        time_zone: str,
        clock: Clock,
        names: Callable[[], str],
        changed: Callable[[Condition], None],
    ) -> None:
        """`names` gives a new name at each call; `changed` is told when the view opens, is lost, or is away."""
        self._store = store
        self._time_zone = time_zone
        self._clock = clock
        self.batches = Batches(store, clock, names, changed)
        self._over: set[Account] = set()
        self.caps = caps
        self.govern(caps)

    def __repr__(self) -> str:
        return repr(self.batches)

    def govern(self, caps: Caps) -> None:
        """These caps hold from now on."""
        self.caps = caps
        # Workers that tell days or users apart in different ways must not add to the same sums.
        self.batches.count_by(f"{self._time_zone}, users" if caps.tracks_users else self._time_zone)

    @property
    def condition(self) -> Condition:
        """How it stands."""
        return self.batches.condition

    def since_ms(self) -> int:
        """When the earliest of the windows began that are not over: what is older is in no sum."""
        return self.caps.since_ms(self._now_ms())

    async def close(self) -> None:
        """Disconnects, after it has told what is left to tell."""
        await self.batches.flush()
        await self._store.close()

    async def order(self, name: str, *words: Any) -> Any:
        """Has one of the script's other orders carried out; for whoever keeps the view.

        Raises:
            StoreAway: Redis does not answer.
            NotCarriedOut: the view is not open for it.
        """
        return await self.batches.ask((name, *words))

    async def calls(self) -> Mapping[str, Mapping[str, Any]]:
        """The calls that are in no sum for good yet, by usage id, as the script writes them.

        Raises:
            StoreAway: Redis does not answer.
        """
        return {usage_id: call async for usage_id, call in self._store.calls()}

    async def adopt_all(self, worst: Iterable[Spend], build: str) -> None:
        """Gives each of these calls a lease in a view that is being built.

        Raises:
            StoreAway: Redis does not answer.
            NotCarriedOut: somebody else builds it.
        """
        orders = [adopt_order(build, spend, accounts) for spend in worst if (accounts := self._left(spend))]
        await asyncio.gather(*map(self.batches.ask, orders))

    async def book_from(self, begin: int, partition: int, lines: Sequence[Booked], end: int, build: str = "") -> int:
        """Books all lines of a partition from one offset to another, and tells where booking stands.

        Where that is before `begin`, something would be left out, and nothing was booked. `build` is for a view that is
        not open yet.

        Raises:
            StoreAway: Redis does not answer.
            NotCarriedOut: the view is not open, or somebody else builds it.
        """
        # Later every line counts: the clock may be wrong just now.
        accounts = self._left if build else self.caps.accounts
        told = [(line, accounts(line.spend)) for line in lines]
        return int(await self.batches.ask(book_order(build, partition, begin, end, told)))

    def _now_ms(self) -> int:
        return int(self._clock.time() * 1000)

    def _left(self, spend: Spend) -> Sequence[Account]:
        """Accounts whose windows are not over; a view that is built holds no others."""
        now_ms = self._now_ms()
        return [account for account in self.caps.accounts(spend) if not self.caps.is_over(account, now_ms)]

    async def standings(self, most: int | None = None) -> Sequence[Standing]:
        """Accounts of the current windows that have a cap, at most so many.

        Raises:
            StoreAway: Redis does not answer.
            NotCarriedOut: the view is not open.
        """
        now_ms = self._now_ms()
        accounts = [
            account
            for account in await self._sums()
            if self.caps.is_current(account, now_ms)
            and any(cap.window == account.window for cap in self.caps.of(account.scope))
        ]
        replies: list[Any] = []
        for start in range(0, len(accounts), _ACCOUNTS_AT_ONCE):
            # Redis serves nobody else while the script looks at them.
            replies += await self.batches.ask(totals_order(accounts[start : start + _ACCOUNTS_AT_ONCE]))
        found = (
            self._standing(account, totals_of(reply), cap)
            for account, reply in zip(accounts, replies, strict=True)
            for cap in self.caps.of(account.scope)
            if cap.window == account.window
        )
        return list(islice(found, most))

    def _standing(self, account: Account, totals: Totals, cap: Cap) -> Standing:
        settled = totals.settled(cap.unit)
        state = self.caps.state(account, cap, settled)
        return Standing(account, cap.unit, cap.amount, settled, totals.reserved(cap.unit), totals.unknown, state)

    async def tidy(self) -> None:
        """Drops the sums of windows that are over at two looks: the clock may be wrong just now.

        Raises:
            StoreAway: Redis does not answer.
            NotCarriedOut: the view was lost.
        """
        now_ms, sums = self._now_ms(), await self._sums()
        over = {account for account in sums if self.caps.is_over(account, now_ms)}
        for account in over & self._over:
            await self.batches.ask(("drop", sums[account]))
        self._over = over

    async def _sums(self) -> dict[Account, list[str]]:
        """The accounts of the view, each with the names of the fields it has there."""
        found: dict[Account, list[str]] = {}
        async for field in self._store.sums():
            _, is_sum, account = field.partition(" [")
            if is_sum:
                found.setdefault(account_of(f"[{account}"), []).append(field)
        return found
