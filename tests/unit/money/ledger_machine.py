"""Drives a ledger through reservations, crashes and rebuilds, beside a model that adds everything up anew each time.

The model knows calls and lines, and nothing of sums: what a ledger keeps in its accounts has to come to the same. A
subclass says which ledger: see `Subject`.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from streamproc.money.caps import Caps
from streamproc.money.configured import configured_caps
from streamproc.money.ledger import Booked, Ledger
from streamproc.money.scope import Spend
from streamproc.money.verdict import Held, Refused, Reserved
from streamproc.settings.budgets import BudgetSettings, CapSettings

__all__ = ["CAPS", "LedgerMachine", "Subject"]

START_MS = 1_775_000_000_000
"""2026-03-31 23:33 in UTC: the day and the month end soon."""

MINUTE_MS = 60_000

CAPS = BudgetSettings(
    time_zone="Europe/Lisbon",
    caps=(
        CapSettings(scope="global", window="day", usd=1000e-9, kill_at=1.0),
        CapSettings(scope="tenant=*", window="day", usd=400e-9, kill_at=0.5),
        CapSettings(scope="tenant=b", window="month", tokens=300, kill_at=0.9),
        CapSettings(scope="user=*", window="month", usd=300e-9, kill_at=1.0),
        CapSettings(scope="feature=f", window="day", usd=200e-9, kill_at=1.0),
        CapSettings(scope="feature=g", window="day", usd=1e-9, action="alert"),
    ),
)


class Subject(Protocol):
    """A ledger under test, and how it comes back after everything that a process holds is lost."""

    @property
    def ledger(self) -> Ledger:
        """The one that is asked now; open."""
        ...

    async def rebuild(self, caps: Caps, open_calls: Sequence[Spend], lines: Mapping[int, Sequence[Booked]]) -> None:
        """Begins anew, from what Kafka holds: calls that are open by the journal, and all usage lines by partition."""
        ...

    async def close(self) -> None:
        """Lets go of everything."""
        ...


@dataclass(frozen=True)
class _Call:
    """A call of the model: what it reserved, and what it took once that is known. `noted`: its note is stored."""

    worst: Spend
    noted: bool = False
    took: Spend | None = None


class LedgerMachine(RuleBasedStateMachine):
    """What a ledger says must be what the model finds."""

    calls = Bundle("calls")

    def make_subject(self, now_ms: "list[int]") -> Subject:
        """The ledger, not yet built; the list holds the time."""
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._now = [START_MS]
        self._caps = configured_caps(CAPS)
        self._known: dict[str, _Call] = {}
        self._lines: dict[int, list[Booked]] = {0: [], 1: []}
        self._booked = {0: 0, 1: 0}
        self._count = 0
        self._subject = self.make_subject(self._now)

    @initialize()
    def build(self) -> None:
        """An empty Kafka."""
        self._run(self._subject.rebuild(self._caps, [], self._lines))

    def teardown(self) -> None:
        """Ends the example."""
        self._run(self._subject.close())
        self._runner.close()

    def _run(self, doing: object) -> object:
        return self._runner.run(doing)  # type: ignore[arg-type] # every caller hands a coroutine over

    # What the model knows.

    def _settled(self) -> list[Spend]:
        published = [line.spend for lines in self._lines.values() for line in lines]
        return published + [call.took for call in self._known.values() if call.took is not None]

    def _open(self) -> list[Spend]:
        return [call.worst for call in self._known.values() if call.took is None]

    def _expected(self, ask: Spend) -> type[Reserved] | type[Held] | type[Refused]:
        checks = self._caps.checks(ask)
        if isinstance(checks, Refused):
            return Refused
        held = False
        for check in checks:
            unit, cap = check.cap.unit, check.cap.amount
            settled, reserved = (
                sum(getattr(spend, unit) for spend in spends if check.account in self._caps.accounts(spend))
                for spends in (self._settled(), self._open())
            )
            if settled >= check.kill_amount or settled + check.ask > cap:
                return Refused
            held = held or settled + reserved + check.ask > cap
        return Held if held else Reserved

    # What happens.

    @rule(
        target=calls,
        tenant=st.sampled_from("ab"),
        user=st.sampled_from([None, "u"]),
        feature=st.sampled_from([None, "f", "g"]),
        nanos=st.integers(0, 150),
        tokens=st.integers(0, 80),
    )
    def reserve(self, tenant: str, user: str | None, feature: str | None, nanos: int, tokens: int) -> object:
        """A call asks."""
        self._count += 1
        ask = Spend(f"run/{self._count}/1", tenant, user, feature, self._now[0], nanos, tokens)
        expected = self._expected(ask)
        verdict = self._run(self._subject.ledger.reserve(ask))
        assert type(verdict) is expected, (verdict, expected)
        if not isinstance(verdict, Reserved):
            return multiple()
        self._known[ask.usage_id] = _Call(ask)
        return ask.usage_id

    @rule(usage_id=calls)
    def note(self, usage_id: str) -> None:
        """A call's note is stored, and it begins; too late for its reservation, it does not."""
        call = self._known.get(usage_id)
        if call is None or call.noted:
            return
        if self._subject.ledger.confirm(usage_id):
            self._known[usage_id] = replace(call, noted=True)
        else:
            self._subject.ledger.release(usage_id)
            del self._known[usage_id]

    @rule(usage_id=calls, share=st.integers(0, 100))
    def settle(self, usage_id: str, share: int) -> None:
        """A call ends; it is said twice."""
        call = self._known.get(usage_id)
        if call is None or not call.noted or call.took is not None:
            return
        worst = call.worst
        took = worst._replace(nanos=(worst.nanos or 0) * share // 100, tokens=(worst.tokens or 0) * share // 100)
        self._known[usage_id] = replace(call, took=took)
        self._subject.ledger.settle(took)
        self._subject.ledger.settle(took)

    @rule(usage_id=consumes(calls))
    def release(self, usage_id: str) -> None:
        """A call was never made, or cost nothing."""
        call = self._known.get(usage_id)
        if call is None or call.took is not None:
            return
        del self._known[usage_id]
        self._subject.ledger.release(usage_id)
        self._subject.ledger.release(usage_id)

    @rule(usage_id=consumes(calls), partition=st.integers(0, 1))
    def publish(self, usage_id: str, partition: int) -> None:
        """The line of a call appears: its own, or where nobody knows what it took the most that it can be."""
        call = self._known.get(usage_id)
        if call is None or not call.noted:
            return
        del self._known[usage_id]
        lines = self._lines[partition]
        lines.append(Booked(len(lines), call.took or call.worst))
        self._book(partition, 0)

    @rule(partition=st.integers(0, 1), back=st.integers(0, 3))
    def book_again(self, partition: int, back: int) -> None:
        """Lines are told twice."""
        self._book(partition, back)

    def _book(self, partition: int, back: int) -> None:
        lines = self._lines[partition]
        begin = max(self._booked[partition] - back, 0)
        self._run(self._subject.ledger.book(partition, lines[begin:], len(lines)))
        self._booked[partition] = len(lines)

    @rule(ended_is_stored=st.booleans())
    def crash(self, ended_is_stored: bool) -> None:
        """All that is not in Kafka is lost: calls without a note never were; who ended may have no note of that."""
        self._known = {usage_id: call for usage_id, call in self._known.items() if call.noted}
        open_calls = []
        for usage_id, call in self._known.items():
            worst = call.took if ended_is_stored and call.took is not None else call.worst
            self._known[usage_id] = _Call(worst, noted=True)
            open_calls.append(worst)
        self._run(self._subject.rebuild(self._caps, open_calls, self._lines))
        self._booked = {partition: len(lines) for partition, lines in self._lines.items()}

    @rule(minutes=st.integers(1, 600))
    def wait(self, minutes: int) -> None:
        """Time passes: windows end."""
        self._now[0] += minutes * MINUTE_MS

    @invariant()
    def no_cap_is_passed(self) -> None:
        """What is settled and what may still come stay within each cap that stops, in the current windows."""
        totals: dict[object, int] = {}
        caps: dict[object, int] = {}
        for spend in (*self._settled(), *self._open()):
            for account in self._caps.accounts(spend):
                for cap in self._caps.of(account.scope):
                    if cap.window == account.window and cap.action == "stop":
                        key = (account, cap.unit)
                        totals[key] = totals.get(key, 0) + (getattr(spend, cap.unit) or 0)
                        caps[key] = cap.amount
        assert all(total <= caps[key] for key, total in totals.items())

    @invariant()
    def its_sums_are_the_models(self) -> None:
        """Account by account."""
        for standing in self._run(self._subject.ledger.standings()):  # type: ignore[attr-defined] # see `_run`
            for spends, told in ((self._settled(), standing.settled), (self._open(), standing.reserved)):
                mine = [spend for spend in spends if standing.account in self._caps.accounts(spend)]
                assert told == sum(getattr(spend, standing.unit) or 0 for spend in mine), standing
