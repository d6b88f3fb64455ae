"""Who waits for room in which account, in the order of their coming."""

from typing import NamedTuple

from streamproc.money.account import Totals
from streamproc.money.cap import Account
from streamproc.money.check import Check
from streamproc.money.room import Room

__all__ = ["Waiting"]


class _Waiter(NamedTuple):
    check: Check
    room: Room


class Waiting:
    """One place for each run: who asks again in vain keeps it.

    Opens no more rooms than there is money for: whoever is woken in vain has to ask and wait again.
    """

    def __init__(self) -> None:
        self._queues: dict[Account, dict[str, _Waiter]] = {}

    def __bool__(self) -> bool:
        return bool(self._queues)

    @property
    def accounts(self) -> list[Account]:
        """Those that somebody waits for."""
        return list(self._queues)

    def add(self, run_id: str, check: Check) -> Room:
        """Waits for the account of a check that said no."""
        room = Room()
        self._queues.setdefault(check.account, {})[run_id] = _Waiter(check, room)
        return room

    def freed(self, account: Account, totals: Totals) -> None:
        """Something of an account came back, or was spent: wakes those that fit now, or will never fit any more."""
        queue = self._queues.get(account)
        if queue is None:
            return
        promised = {"nanos": 0, "tokens": 0}
        while queue:
            run_id, (check, room) = next(iter(queue.items()))
            unit, cap = check.cap.unit, check.cap.amount
            settled = totals.settled(unit)
            is_over = settled + check.ask > cap or settled >= check.kill_amount
            if not is_over and settled + totals.reserved(unit) + promised[unit] + check.ask > cap:
                return
            del queue[run_id]
            if room.open() and not is_over:
                promised[unit] += check.ask
        del self._queues[account]

    def free_all(self) -> None:
        """Everything may be different now: wakes everybody."""
        queues, self._queues = self._queues, {}
        for queue in queues.values():
            for _, room in queue.values():
                room.open()
