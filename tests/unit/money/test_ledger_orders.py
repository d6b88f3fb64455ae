from hypothesis import given
from hypothesis import strategies as st

from streamproc.money.account import Totals
from streamproc.money.cap import Account
from streamproc.money.ledger_orders import account_of, text_of, totals_of
from streamproc.money.scope import Scope

NAMES = st.text(max_size=20)


@given(name=NAMES, tenant=NAMES, start_ms=st.integers(0, 2**53))
def test_an_accounts_name_says_which_one_it_is(name: str, tenant: str, start_ms: int) -> None:
    """Whatever tenants and users are called: two accounts never share their sums."""
    account = Account(Scope("user", name, tenant), "day", start_ms)
    assert account_of(text_of(account)) == account


def test_an_account_without_fields_holds_nothing() -> None:
    """Everything was added up, so what is not there is zero."""
    assert totals_of([False, "7", False, False, False]) == Totals(settled_tokens=7)
