"""The caps that hold now: those of the settings, and over them the last words of the operators. Pure.

For a scope and a window the nearest one counts: by its name before any of its kind, and of the same nearness a word
before a setting. Kinds do not replace each other: a call needs room under the caps of all its scopes.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Literal, NamedTuple

from streamproc.money.cap import Account, Cap, Unit
from streamproc.money.check import Check, too_large, unbounded
from streamproc.money.scope import Scope, Spend, scopes_of
from streamproc.money.verdict import Refused
from streamproc.money.windows import WINDOWS, Window, Windows
from streamproc.records.pattern import ANY, Pattern

__all__ = ["Accounts", "CapKey", "Caps", "Said", "State", "Touched", "Words", "patterns_of"]

State = Literal["open", "killed", "stopped"]
"""Whether new calls may begin; an open account may have no room for them all the same."""

_MOST_REMEMBERED = 10_000

_AFTERWARDS_MS = 24 * 3600 * 1000
"""So long after its end a window is added up all the same: calls may begin in it by a clock that is behind."""

CapKey = tuple[Pattern, Window, Unit]


class Said(NamedTuple):
    """The last word on a pattern: calls may begin or not, and when it was said, in unix milliseconds.

    `order` grows from word to word, whatever the operators' clocks say.
    """

    is_stopped: bool
    at_ms: int
    order: int = 0


@dataclass(frozen=True, slots=True)
class Words:
    """What operators said: amounts of caps, and scopes that they stopped or resumed."""

    amounts: Mapping[CapKey, int] = field(default_factory=dict)
    states: Mapping[Pattern, Said] = field(default_factory=dict)


Accounts = tuple[tuple[Account, tuple[Cap, ...]], ...]
"""Accounts, each with its caps."""


class _Guard(NamedTuple):
    """A cap that has to have room for the calls of an account."""

    account: Account
    cap: Cap
    kill_amount: int


class Touched(NamedTuple):
    """What the calls of one tenant, user and feature touch that begin on one day: the same for all of them.

    Attributes:
        accounts: what they are added to.
        capped: those of the accounts that have caps.
        guards: in the order of the scopes, and with them what refuses any call.
    """

    accounts: Accounts
    capped: Accounts
    guards: tuple[_Guard | Refused, ...]

    def checks(self, spend: Spend) -> tuple[Check, ...] | Refused:
        """What one of the calls asks of which accounts, or why it is refused whatever was spent."""
        checks = []
        for guard in self.guards:
            if isinstance(guard, Refused):
                return guard
            cap = guard.cap
            ask = spend.nanos if cap.unit == "nanos" else spend.tokens
            if ask is None:
                return unbounded(cap)
            if not cap.amount:
                # Also one that costs nothing: whoever says 0 wants none.
                return Refused("spent", f"no call may begin under the cap of {cap}")
            if ask > cap.amount:
                return too_large(cap, ask)
            checks.append(Check(guard.account, cap, ask, guard.kill_amount))
        return tuple(checks)


class Caps:
    """All caps, and what a call asks of them."""

    def __init__(self, windows: Windows, caps: Iterable[Cap], states: Mapping[Pattern, Said] | None = None) -> None:
        """At most one cap for each pattern, window and unit; `states` are the scopes stopped or resumed."""
        self._windows = windows
        self._states = states or {}
        self._caps = {(cap.pattern, cap.window, cap.unit): cap for cap in caps}
        self._patterns = {pattern for pattern, _, _ in self._caps}
        self._found: dict[Scope, tuple[Cap, ...]] = {}
        self._touched: dict[tuple[str, str | None, str | None, int], Touched] = {}
        self.slows = any(cap.throttle is not None for cap in self._caps.values())
        self.tracks_users = any(pattern.kind == "user" for pattern, _, _ in self._caps)

    def of(self, scope: Scope) -> tuple[Cap, ...]:
        """The caps of a scope, at most one for each window and unit."""
        found = self._found.get(scope)
        if found is None:
            if len(self._found) >= _MOST_REMEMBERED:
                self._found.clear()
            found = self._found[scope] = tuple(self._look_up(scope))
        return found

    def _look_up(self, scope: Scope) -> Iterator[Cap]:
        # Most of many thousand users have no cap of their own.
        patterns = [pattern for pattern in patterns_of(scope) if pattern in self._patterns]
        units: tuple[Unit, ...] = ("nanos", "tokens")
        for window, unit in product(WINDOWS, units) if patterns else ():
            keys = [(pattern, window, unit) for pattern in patterns]
            cap = next((self._caps[key] for key in keys if key in self._caps), None)
            if cap is not None:
                yield cap

    def accounts(self, spend: Spend) -> tuple[Account, ...]:
        """What a call is added to, whether it has a cap or not, so that a cap that comes later knows what was spent.

        Users are told apart only where one of them has a cap: there may be very many.
        """
        return tuple([account for account, _ in self.touched(spend).accounts])

    def checks(self, spend: Spend) -> tuple[Check, ...] | Refused:
        """What a call asks of which accounts, or why it is refused whatever was spent."""
        return self.touched(spend).checks(spend)

    def touched(self, spend: Spend) -> Touched:
        """What a call has to do with. It is looked up once for all calls alike."""
        day_ms = self._windows.around("day", spend.at_ms).start_ms  # its month follows from it
        key = (spend.tenant, spend.user, spend.feature, day_ms)
        found = self._touched.get(key)
        if found is None:
            if len(self._touched) >= _MOST_REMEMBERED:
                self._touched.clear()
            accounts = tuple(self._accounts(spend))
            capped = tuple((account, caps) for account, caps in accounts if caps)
            found = self._touched[key] = Touched(accounts, capped, tuple(self._guards(spend)))
        return found

    def _accounts(self, spend: Spend) -> Iterator[tuple[Account, tuple[Cap, ...]]]:
        for scope in scopes_of(spend):
            for window in WINDOWS if scope.kind != "user" or self.tracks_users else ():
                account = Account(scope, window, self._windows.around(window, spend.at_ms).start_ms)
                yield account, tuple(cap for cap in self.of(scope) if cap.window == window)

    def _guards(self, spend: Spend) -> Iterator[_Guard | Refused]:
        for scope in scopes_of(spend):
            said = self.said(scope)
            if said is not None and said.is_stopped:
                yield Refused(
                    "stopped", f"an operator stopped {scope}; `streamproc budget resume` lets its calls begin again"
                )
            for cap in self.of(scope):
                if cap.action != "alert":
                    account = Account(scope, cap.window, self._windows.around(cap.window, spend.at_ms).start_ms)
                    yield _Guard(account, cap, self._kill_amount(account, cap, said))

    def _kill_amount(self, account: Account, cap: Cap, said: Said | None) -> int:
        # Whoever resumes a scope lifts the kill switch, and no cap, until the window ends.
        if said is not None and self._windows.around(cap.window, said.at_ms).start_ms == account.start_ms:
            return max(cap.amount, 1)
        return cap.kill_amount

    def state(self, account: Account, cap: Cap, settled: int) -> State:
        """Whether new calls of an account may begin, as far as one of its caps goes."""
        said = self.said(account.scope)
        if said is not None and said.is_stopped:
            return "stopped"
        is_killed = cap.action == "stop" and settled >= self._kill_amount(account, cap, said)
        return "killed" if is_killed else "open"

    def said(self, scope: Scope) -> Said | None:
        """The last word on a scope, by its name or on all of its kind.

        One thing outlasts a later word: who was stopped by name goes on only when that is taken back by name.
        """
        states = self._states
        if not states:
            return None
        found: Said | None = None
        for pattern in patterns_of(scope):
            word = states.get(pattern)
            if word is None:
                continue
            if found is None or (word.order > found.order and (word.is_stopped or not found.is_stopped)):
                found = word
        return found

    def is_current(self, account: Account, now_ms: int) -> bool:
        """Whether its window is the one of this moment."""
        return self._windows.around(account.window, now_ms).start_ms == account.start_ms

    def today_ms(self, now_ms: int) -> int:
        """When the current day began."""
        return self._windows.around("day", now_ms).start_ms

    def is_over(self, account: Account, now_ms: int) -> bool:
        """Whether no call can begin in its window any more, by whatever clock.

        One that has not begun yet is not: by another worker's clock it has.
        """
        return self._windows.around(account.window, account.start_ms).end_ms < now_ms - _AFTERWARDS_MS

    def since_ms(self, now_ms: int) -> int:
        """When the earliest of the windows began that are not over."""
        return min(self._windows.around(window, now_ms - _AFTERWARDS_MS).start_ms for window in WINDOWS)


def patterns_of(scope: Scope) -> tuple[Pattern, ...]:
    """The patterns that a scope falls under, the nearest first."""
    if scope.kind == "global":
        return (Pattern("global"),)
    if scope.kind != "user":
        return (Pattern(scope.kind, scope.name), Pattern(scope.kind, ANY))
    return tuple(Pattern("user", name, tenant) for name in (scope.name, ANY) for tenant in (scope.tenant, None))
