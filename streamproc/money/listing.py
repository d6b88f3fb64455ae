"""The list of budgets for operators: what was spent, and what they said of scopes without a call. Pure."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from streamproc.money.cap import Unit
from streamproc.money.caps import Caps, State, Words, patterns_of
from streamproc.money.ledger import Standing
from streamproc.money.scope import Scope
from streamproc.money.windows import Window
from streamproc.records.pattern import ANY, Kind, Pattern

__all__ = ["Listed", "listed"]


class Listed(NamedTuple):
    """A scope, or any of a kind (`*`), under a cap; or one without a cap that was stopped or resumed.

    `settled` is None where it is not that of one scope: of `*`, of a user of each tenant, of a scope without a cap.
    """

    kind: Kind
    name: str | None
    tenant: str | None
    window: Window | None
    unit: Unit | None
    settled: int | None
    cap: int | None
    unknown: int
    state: State

    @property
    def scope(self) -> str:
        """For people."""
        if self.kind == "user":
            return f"user {self.name} of {'each tenant' if self.tenant is None else f'tenant {self.tenant}'}"
        return f"{self.kind} {self.name}" if self.name else self.kind


def listed(standings: Iterable[Standing], words: Words, caps: Caps) -> list[Listed]:
    """The accounts with calls, and then whom operators spoke of beside them; `caps` are those that hold."""
    rows = [
        Listed(
            *_names(standing.account.scope),
            standing.account.window,
            standing.unit,
            standing.settled,
            standing.cap,
            standing.unknown,
            standing.state,
        )
        for standing in sorted(standings, key=lambda standing: standing.account)
    ]
    known = {row[:5] for row in rows}
    rows += [row for row in _caps_set(words, caps) if row[:5] not in known]
    spoken = {row[:3] for row in rows}
    return rows + [row for row in _states_set(words, caps) if row[:3] not in spoken]


def _caps_set(words: Words, caps: Caps) -> Iterator[Listed]:
    for (pattern, window, unit), amount in sorted(words.amounts.items(), key=str):
        settled = None if _one(pattern) is None else 0
        yield Listed(*_names(pattern), window, unit, settled, amount, 0, _state(pattern, words, caps))


def _states_set(words: Words, caps: Caps) -> Iterator[Listed]:
    for pattern, said in sorted(words.states.items(), key=str):
        # A resumed scope is like any other one, unless it would be stopped with all of its kind.
        if said.is_stopped or _is_stopped_by_another(pattern, words):
            yield Listed(*_names(pattern), None, None, None, None, 0, _state(pattern, words, caps))


def _state(pattern: Pattern, words: Words, caps: Caps) -> State:
    scope = _one(pattern)
    said = words.states.get(pattern) if scope is None else caps.said(scope)
    return "stopped" if said is not None and said.is_stopped else "open"


def _is_stopped_by_another(pattern: Pattern, words: Words) -> bool:
    scope = _one(pattern)
    others = () if scope is None else (words.states.get(other) for other in patterns_of(scope) if other != pattern)
    return any(said is not None and said.is_stopped for said in others)


def _one(pattern: Pattern) -> Scope | None:
    """The scope that it is for, if it is for one only."""
    is_one = pattern.name != ANY and (pattern.kind != "user" or pattern.tenant is not None)
    return Scope(pattern.kind, pattern.name, pattern.tenant or "") if is_one else None


def _names(of: Scope | Pattern) -> tuple[Kind, str | None, str | None]:
    return of.kind, of.name or None, of.tenant or None
