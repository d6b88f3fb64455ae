"""The memory ledger: for one process that has all partitions of its group to itself.

It forgets everything with its process, and is built anew from Kafka: the calls that were open by `adopt`, what was
spent by `book`, from `begin` on. Until it is told that this is all (`open`) it lets nothing begin.

A call is in one of three places: under `leases` from its reservation on, `ahead` from its settlement on, and in the
sums alone once its line is booked. So a line that differs from what was settled corrects it.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import islice

from streamproc.money.account import Totals
from streamproc.money.cap import Account, Cap
from streamproc.money.caps import Accounts, Caps, Touched
from streamproc.money.check import judge
from streamproc.money.ledger import Booked, Crossed, Standing
from streamproc.money.room import Room
from streamproc.money.scope import Spend
from streamproc.money.spent import Slowed, slowed, spent_share
from streamproc.money.sums import Sums
from streamproc.money.verdict import Held, Refused, Reserved, Verdict
from streamproc.money.waiting import Waiting

__all__ = ["MemoryLedger"]

_RESERVED = Reserved()
_REBUILDING = "the ledger is being rebuilt: what was spent is not known yet"
_MOST_REMEMBERED = 100_000
"""Lines booked last that are known by name: the journal may still hold their calls, and they are not open any more."""


class MemoryLedger:
    """Sums in dictionaries. Bounded by the calls under way and by the tenants, users and features of the windows."""

    def __init__(self, caps: Caps, now_ms: Callable[[], int], crossed: Callable[[Crossed], None]) -> None:
        """`now_ms` gives unix milliseconds; `crossed` is told of alerts, maybe again after a rebuild."""
        self._caps = caps
        self._now_ms = now_ms
        self._crossed = crossed
        self._sums = Sums(now_ms)
        self._leases: dict[str, Spend] = {}
        self._ahead: dict[str, Spend] = {}
        self._booked: OrderedDict[str, None] = OrderedDict()
        self._next: dict[int, int] = {}
        self._waiting = Waiting()
        self._for_rebuild: dict[str, Room] = {}
        self._is_outdated = False
        self.is_open = False
        self.shut_by = ""

    def __repr__(self) -> str:
        return f"MemoryLedger(open={self.is_open}, leases={len(self._leases)}, ahead={len(self._ahead)})"

    def begin(self) -> None:
        """All lines will be booked again, from the first one on that counts; calls under way are still known."""
        self._is_outdated = False
        self._sums.clear()
        self._next.clear()
        self._booked.clear()
        for spend in self._leases.values():
            self._reserve(spend, self._caps.touched(spend), 1)
        for spend in self._ahead.values():
            self._settle(spend, 1)

    def open(self) -> bool:
        """All open calls are adopted and all lines are booked: calls may begin.

        False: the caps count something since `begin` that was not counted then, so all lines have to be booked again.
        """
        if self._is_outdated:
            return False
        self.is_open = True
        waiting, self._for_rebuild = self._for_rebuild, {}
        for room in waiting.values():
            room.open()
        return True

    def shut(self, sentence: str) -> None:
        """What was spent cannot be known, as the sentence tells: no call begins any more."""
        self.is_open = False
        self.shut_by = sentence

    async def reserve(self, worst: Spend) -> Verdict:
        """Takes the most that a call can use out of every budget it touches, out of all of them or of none."""
        touched = self._caps.touched(worst)
        checks = touched.checks(worst)
        if isinstance(checks, Refused):
            return checks
        if not self.is_open:
            room = self._for_rebuild[worst.run_id] = Room()
            return Held("unreadable", self.shut_by, room) if self.shut_by else Held("rebuilding", _REBUILDING, room)
        held = None
        for check in checks:
            totals = self._sums.get(check.account)
            # Where nothing was used, the whole cap has room for a call.
            found = None if totals is None else judge(check, *totals.used(check.cap.unit))
            if isinstance(found, Refused):
                return found
            if found is not None and held is None:
                held = check, found
        if held is not None:
            return held[1]._replace(room=self._waiting.add(worst.run_id, held[0]))
        self._lease(worst, touched)
        return _RESERVED

    def confirm(self, usage_id: str) -> bool:
        """Whether the reservation is good: memory loses none."""
        return usage_id in self._leases

    def settle(self, spend: Spend) -> None:
        """The call ended and took so much; one that has no lease was settled or booked before."""
        lease = self._leases.pop(spend.usage_id, None)
        if lease is not None:
            self._ahead[spend.usage_id] = spend
            self._count(lease, spend)

    def release(self, usage_id: str) -> None:
        """The call was never made, or cost nothing."""
        lease = self._leases.pop(usage_id, None)
        if lease is not None:
            self._count(lease, None)

    async def book(self, partition: int, lines: Sequence[Booked], next_offset: int) -> None:
        """These lines stand in the usage topic; each closes its call's lease and counts once."""
        begin = self._next.get(partition, 0)
        for offset, spend in lines:
            if offset < begin:
                continue
            lease, ahead = self._leases.pop(spend.usage_id, None), self._ahead.pop(spend.usage_id, None)
            self._booked[spend.usage_id] = None
            if len(self._booked) > _MOST_REMEMBERED:
                self._booked.popitem(last=False)
            if ahead is not None and ahead != spend:
                self._settle(ahead, -1)
            if ahead != spend:
                self._count(lease, spend)
        self._next[partition] = max(begin, next_offset)

    def since_ms(self) -> int:
        """When the earliest of the windows began that are not over: what is older is in no sum."""
        return self._caps.since_ms(self._now_ms())

    def booked_to(self, partition: int) -> int | None:
        """The offset after the last line of a partition that was booked; None when there was none."""
        return self._next.get(partition)

    async def adopt(self, worst: Sequence[Spend]) -> None:
        """Calls whose notes stand in the journal, and whose usage lines may be missing: each gets a lease."""
        for spend in worst:
            if not any(spend.usage_id in known for known in (self._leases, self._ahead, self._booked)):
                self._lease(spend, self._caps.touched(spend))

    def spent_share(self, call: Spend) -> float | None:
        """The largest share that is settled of a budget that covers such a call; None while it is rebuilt."""
        return spent_share(self._caps, call, self._known) if self.is_open else None

    def slowed(self, call: Spend) -> tuple[Slowed, ...]:
        """The budgets that slow down such a call; none while it is rebuilt, for then no call begins."""
        return slowed(self._caps, call, self._known) if self._caps.slows and self.is_open else ()

    def _known(self, account: Account) -> Totals:
        return self._sums.get(account) or Totals()

    async def govern(self, caps: Caps) -> None:
        """These caps hold from now on. Users are counted as soon as one has a cap: from Kafka, anew."""
        former, self._caps = self._caps, caps
        if caps.tracks_users and not former.tracks_users:
            # Whoever books may be in the midst of it: only `begin`, which is its own, forgets what was booked so far.
            self._is_outdated = True
            self.is_open = False
        for totals in self._sums.values():
            totals.reserved_nanos = totals.reserved_tokens = 0
        for spend in self._leases.values():
            self._reserve(spend, self._caps.touched(spend), 1)
        for account, totals in self._sums.items():
            for cap in caps.of(account.scope):
                # What is spent of a cap that is another one now, nothing that is spent later tells.
                if cap.window == account.window and cap not in former.of(account.scope):
                    self._tell(account, cap, 0, totals.settled(cap.unit))
        self._waiting.free_all()

    async def standings(self, most: int | None = None) -> Sequence[Standing]:
        """Accounts of the current windows that have a cap, at most so many."""
        now_ms = self._now_ms()
        self._sums.prune(self._caps)
        found = (
            self._standing(account, totals, cap)
            for account, totals in self._sums.items()
            for cap in self._caps.of(account.scope)
            if cap.window == account.window and self._caps.is_current(account, now_ms)
        )
        return list(islice(found, most))

    def _standing(self, account: Account, totals: Totals, cap: Cap) -> Standing:
        settled = totals.settled(cap.unit)
        state = self._caps.state(account, cap, settled)
        return Standing(account, cap.unit, cap.amount, settled, totals.reserved(cap.unit), totals.unknown, state)

    def _lease(self, worst: Spend, touched: Touched) -> None:
        self._leases[worst.usage_id] = worst
        self._reserve(worst, touched, 1)

    def _count(self, lease: Spend | None, spend: Spend | None) -> None:
        """A call took so much, and needs its lease no more: whoever waits for its room is told."""
        if lease is not None:
            self._reserve(lease, self._caps.touched(lease), -1)
        if spend is not None:
            self._settle(spend, 1)
        if self._waiting and (told := spend or lease) is not None:
            for account, _, totals in self._sums_of(self._caps.touched(told).capped):
                self._waiting.freed(account, totals)

    def _reserve(self, worst: Spend, touched: Touched, sign: int) -> None:
        nanos, tokens = sign * (worst.nanos or 0), sign * (worst.tokens or 0)
        # Nobody asks what is reserved where there is no cap; `govern` reserves anew.
        for _, _, totals in self._sums_of(touched.capped):
            totals.reserved_nanos += nanos
            totals.reserved_tokens += tokens

    def _settle(self, spend: Spend, sign: int) -> None:
        nanos, tokens, unknown = sign * (spend.nanos or 0), sign * (spend.tokens or 0), sign * (spend.nanos is None)
        for account, caps, totals in self._sums_of(self._caps.touched(spend).accounts):
            totals.settled_nanos += nanos
            totals.settled_tokens += tokens
            totals.unknown += unknown
            for cap in caps:
                settled = totals.settled(cap.unit)
                self._tell(account, cap, settled - (nanos if cap.unit == "nanos" else tokens), settled)

    def _tell(self, account: Account, cap: Cap, before: int, settled: int) -> None:
        for at in cap.crossed(before, settled):
            self._crossed(Crossed(account, cap, at, settled))

    def _sums_of(self, accounts: Accounts) -> list[tuple[Account, tuple[Cap, ...], Totals]]:
        # Who builds reads old lines, too, and leaves out windows that are over. Later every line counts, since this
        # clock may be wrong just now.
        return self._sums.of(accounts, None if self.is_open else self._caps)
