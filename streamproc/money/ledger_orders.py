"""Orders to the script that keeps the Redis ledger's view (`ledger.lua`), and accounts as it names them. Pure."""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from streamproc.money.account import Totals
from streamproc.money.cap import Account
from streamproc.money.check import Check
from streamproc.money.ledger import Booked
from streamproc.money.scope import Scope, Spend

__all__ = [
    "MOST_EXACT",
    "Order",
    "account_of",
    "adopt_order",
    "book_order",
    "reserve_order",
    "settle_order",
    "text_of",
    "totals_of",
    "totals_order",
]

Order = tuple[Any, ...]
"""A name and its arguments, as JSON takes them."""

MOST_EXACT = 2**53 - 1
"""Lua compares doubles: a sum above this may be taken for its neighbour, so a cap above it counts as this much.

A call above it counts as this much, too: it fills every cap, and Redis adds a thousand such before 64 bits overflow.
"""


def text_of(account: Account) -> str:
    """An account's name in the view; names of tenants may hold anything, so the parts are JSON."""
    scope, window, start_ms = account
    return orjson.dumps([scope.kind, scope.name, scope.tenant, window, start_ms]).decode()


def account_of(text: str) -> Account:
    """The account of a name that `text_of` made."""
    kind, name, tenant, window, start_ms = orjson.loads(text)
    return Account(Scope(kind, name, tenant), window, start_ms)


def reserve_order(worst: Spend, accounts: Iterable[Account], checks: Sequence[Check]) -> Order:
    """Takes a call's worst case out of its accounts if each check has room."""
    asked = [
        (
            text_of(check.account),
            check.cap.unit,
            str(check.ask),
            str(min(check.cap.amount, MOST_EXACT)),
            str(min(check.kill_amount, MOST_EXACT)),
        )
        for check in checks
    ]
    return ("reserve", worst.usage_id, *_amounts(worst, accounts), asked)


def settle_order(spend: Spend) -> Order:
    """What a call took, in place of what it reserved and in the same accounts."""
    return ("settle", spend.usage_id, *_numbers(spend))


def adopt_order(build: str, worst: Spend, accounts: Iterable[Account]) -> Order:
    """A lease for a call that the journal tells of."""
    return ("adopt", build, worst.usage_id, *_amounts(worst, accounts))


def book_order(
    build: str, partition: int, begin: int, end: int, lines: Iterable[tuple[Booked, Iterable[Account]]]
) -> Order:
    """All lines of a partition from one offset to another, each with the accounts that it is added to."""
    told = [(line.offset, line.spend.usage_id, *_amounts(line.spend, accounts)) for line, accounts in lines]
    return ("book", build, partition, begin, end, told)


def totals_order(accounts: Iterable[Account]) -> Order:
    """What stands in accounts."""
    return ("totals", [text_of(account) for account in accounts])


def totals_of(reply: Sequence[Any]) -> Totals:
    """One account of the reply to `totals_order`; what is not there is zero, because everything was added up."""
    return Totals(*(int(number or 0) for number in reply))


def _amounts(spend: Spend, accounts: Iterable[Account]) -> tuple[list[str], str, str]:
    return [text_of(account) for account in accounts], *_numbers(spend)


def _numbers(spend: Spend) -> tuple[str, str]:
    return _number(spend.nanos), _number(spend.tokens)


def _number(amount: int | None) -> str:
    return "" if amount is None else str(min(amount, MOST_EXACT))
