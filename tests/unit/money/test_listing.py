"""What `budget show` lists: accounts with calls, and what operators said of scopes without one."""

from streamproc.money.cap import Account
from streamproc.money.caps import Said, Words
from streamproc.money.ledger import Standing
from streamproc.money.listing import Listed, listed
from streamproc.money.scope import Scope
from streamproc.records.pattern import Pattern
from tests.unit.money.test_caps import caps, day

ACME, EVERY = Pattern("tenant", "acme"), Pattern("tenant", "*")
SPENT = Standing(Account(Scope("tenant", "acme"), "day", 0), "nanos", 100, 45, 0, 2, "open")


def of(words: Words, *standings: Standing) -> list[Listed]:
    """The list where each tenant has a cap by the settings."""
    return listed(standings, words, caps(day("tenant=*"), words=words))


def test_an_account_is_listed_as_it_stands() -> None:
    """Once, also where an operator set its cap or stopped it: the account's own state says so."""
    words = Words({(ACME, "day", "nanos"): 100}, {ACME: Said(True, 0)})
    row = Listed("tenant", "acme", None, "day", "nanos", 45, 100, 2, "stopped")
    assert of(words, SPENT._replace(state="stopped")) == [row]


def test_a_stop_is_listed_without_a_call_and_without_a_cap() -> None:
    """Who had stopped a tenant saw nothing of it until its first refused call, and not even then."""
    words = Words({}, {ACME: Said(True, 0), Pattern("feature", "chat"): Said(False, 1)})
    assert of(words) == [Listed("tenant", "acme", None, None, None, None, None, 0, "stopped")]


def test_a_cap_that_an_operator_set_is_listed_without_a_call() -> None:
    """Nothing is spent of a scope's own; what is spent of any of a kind, each by itself, is no number."""
    words = Words({(ACME, "month", "nanos"): 7, (EVERY, "day", "tokens"): 9}, {EVERY: Said(True, 0)})
    assert of(words, SPENT)[1:] == [
        Listed("tenant", "*", None, "day", "tokens", None, 9, 0, "stopped"),
        Listed("tenant", "acme", None, "month", "nanos", 0, 7, 0, "stopped"),
    ]


def test_who_goes_on_beside_a_stop_of_all_is_listed() -> None:
    """Resumed by name after it. Others that were resumed are like any scope."""
    words = Words({}, {EVERY: Said(True, 0, 1), ACME: Said(False, 0, 2)})
    assert [(row.scope, row.state) for row in of(words)] == [("tenant *", "stopped"), ("tenant acme", "open")]


def test_a_user_is_named_with_its_tenant() -> None:
    """Without one it is that of each tenant."""
    words = Words({}, {Pattern("user", "bob", "acme"): Said(True, 0), Pattern("user", "bob"): Said(True, 0)})
    assert [row.scope for row in of(words)] == ["user bob of tenant acme", "user bob of each tenant"]
