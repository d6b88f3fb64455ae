from decimal import Decimal

from streamproc.money.cap import Account
from streamproc.money.configured import configured_caps
from streamproc.money.crossings import Crossings
from streamproc.money.ledger import Crossed, Standing
from streamproc.money.scope import GLOBAL
from streamproc.settings.budgets import BudgetSettings, CapSettings

ACCOUNT = Account(GLOBAL, "month", 0)
CAPS = configured_caps(BudgetSettings(caps=(CapSettings(scope="global", window="month", usd=100e-9),)))


def test_each_share_is_told_when_a_look_finds_it_reached() -> None:
    """Several at a time, where much was spent between two looks; and none twice."""
    told: list[Crossed] = []
    crossings = Crossings(told.append)
    for settled in (0, 49, 85, 85, 100):
        crossings.look([Standing(ACCOUNT, "nanos", 100, settled, 0, 0, "open")], CAPS)
    assert [crossed.at for crossed in told] == [Decimal(share) for share in ("0.5", "0.8", "0.9", "1.0")]


def test_what_is_spent_of_a_cap_that_is_another_one_now_is_told() -> None:
    """Lowered below it, for example: nothing that is spent later would tell."""
    told: list[Crossed] = []
    crossings = Crossings(told.append)
    lower = configured_caps(BudgetSettings(caps=(CapSettings(scope="global", window="month", usd=50e-9),)))
    for caps in (CAPS, lower, lower):
        crossings.look([Standing(ACCOUNT, "nanos", 100, 45, 0, 0, "open")], caps)
    assert [(crossed.at, crossed.cap.amount) for crossed in told] == [(Decimal(at), 50) for at in ("0.5", "0.8", "0.9")]
