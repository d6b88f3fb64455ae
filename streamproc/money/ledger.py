"""The ledger: what budgets have left. It takes the most that a call can cost out of them before the call begins.

Kafka is the truth and a ledger is a view of it: of the usage topic, and of the calls that are open. Amounts are
`Spend`s; which budgets they touch, and what is left of them, say `Caps`. What every ledger guarantees: the calls it let
begin cannot take more than a cap, whatever becomes of them.

    reserve → the journal's note is stored → confirm → the call → settle or release → book, when its line is published
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple, Protocol

from streamproc.money.cap import Account, Cap, Unit
from streamproc.money.caps import Caps, State
from streamproc.money.scope import Spend
from streamproc.money.spent import Slowed
from streamproc.money.verdict import Verdict

__all__ = ["Booked", "Crossed", "Ledger", "Standing"]


class Booked(NamedTuple):
    """A usage line as it stands in the usage topic."""

    offset: int
    spend: Spend


class Crossed(NamedTuple):
    """Settled spend of an account reached a share of its cap. A ledger that is rebuilt may say so again."""

    account: Account
    cap: Cap
    at: Decimal
    settled: int


class Standing(NamedTuple):
    """An account under its cap. `unknown` counts calls without a known price, which are in no sum."""

    account: Account
    unit: Unit
    cap: int
    settled: int
    reserved: int
    unknown: int
    state: State


class Ledger(Protocol):
    """Reserves, settles, and is put right by what is published."""

    async def reserve(self, worst: Spend) -> Verdict:
        """Takes the most that a call can use out of every budget it touches, out of all of them or of none."""
        ...

    def confirm(self, usage_id: str) -> bool:
        """The call's note is stored. False: the reservation is no longer good, so the call must not begin.

        From now on the call is in doubt until it is settled or its usage line is booked: no time takes its lease away.
        """
        ...

    def settle(self, spend: Spend) -> None:
        """The call ended and took so much. Said twice it counts once. Waits for nothing."""
        ...

    def release(self, usage_id: str) -> None:
        """The call was never made, or cost nothing. Waits for nothing."""
        ...

    async def book(self, partition: int, lines: Sequence[Booked], next_offset: int) -> None:
        """These lines stand in the usage topic, whoever wrote them; each closes its call's lease and counts once.

        `lines` are all lines of the partition from the offset on to which it was told before, up to `next_offset`.
        Told again, they are passed over.
        """
        ...

    async def adopt(self, worst: Sequence[Spend]) -> None:
        """Calls whose notes stand in the journal, and whose usage lines may be missing: each gets a lease.

        One that is known already, by a lease or by its line, is passed over.
        """
        ...

    def spent_share(self, call: Spend) -> float | None:
        """The largest share that is settled of a budget that covers such a call, as far as it is known here.

        Waits for nothing. None: no cap covers it, or nothing is known yet.
        """
        ...

    def slowed(self, call: Spend) -> tuple[Slowed, ...]:
        """The budgets that slow down such a call, as far as it is known here. Waits for nothing."""
        ...

    async def govern(self, caps: Caps) -> None:
        """These caps hold from now on."""
        ...

    async def standings(self, most: int | None = None) -> Sequence[Standing]:
        """Accounts of the current windows that have a cap, at most so many."""
        ...
