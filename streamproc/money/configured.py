"""The caps that the settings say, as the ledger has them."""

from dataclasses import replace
from decimal import Decimal

from streamproc.money.cap import Cap, Throttle
from streamproc.money.caps import Caps, Words
from streamproc.money.dollars import nanos
from streamproc.money.windows import Windows
from streamproc.settings.budgets import BudgetSettings, CapSettings
from streamproc.settings.time_zone import zone_of

__all__ = ["configured_caps"]


def configured_caps(budgets: BudgetSettings, words: Words | None = None) -> Caps:
    """All caps of the settings, and over them what operators said."""
    said = words or Words()
    caps = {(cap.pattern, cap.window, cap.unit): cap for cap in (_cap(budgets, each) for each in budgets.caps)}
    for key, amount in said.amounts.items():
        known = caps.get(key) or Cap(*key, 0, _exact(budgets.kill_at), _all_exact(budgets.alerts))
        caps[key] = replace(known, amount=amount)
    return Caps(Windows(zone_of(budgets.time_zone)), caps.values(), said.states)


def _cap(budgets: BudgetSettings, cap: CapSettings) -> Cap:
    return Cap(
        cap.pattern,
        cap.window,
        "tokens" if cap.usd is None else "nanos",
        (cap.tokens or 0) if cap.usd is None else nanos(cap.usd),
        _exact(budgets.kill_at if cap.kill_at is None else cap.kill_at),
        _all_exact(budgets.alerts if cap.alerts is None else cap.alerts),
        cap.action,
        None if cap.throttle is None else Throttle(_exact(cap.throttle.at), cap.throttle.per_minute),
    )


def _exact(share: float) -> Decimal:
    return Decimal(repr(share))


def _all_exact(shares: tuple[float, ...]) -> tuple[Decimal, ...]:
    return tuple(_exact(share) for share in sorted(set(shares)))
