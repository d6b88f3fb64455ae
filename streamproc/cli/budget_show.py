"""`streamproc budget show`: what was spent of each budget, read from Kafka."""

import asyncio
import sys
from collections.abc import Sequence
from typing import Annotated

from cyclopts import Parameter

from streamproc.budgets_view import View, view
from streamproc.cli.options import ConfigFile, settings_of
from streamproc.cli.table import lines
from streamproc.money.cap import amount
from streamproc.money.ledger import Standing
from streamproc.records.codec import encode_json
from streamproc.system_clock import SystemClock

__all__ = ["show"]

_HEAD = ("SCOPE", "WINDOW", "SPENT", "OF", "LEFT", "STATE")


def show(
    *,
    json: Annotated[bool, Parameter(help="Print one JSON object a line.", negative="")] = False,
    config: ConfigFile = None,
) -> int:
    """Show what was spent of each budget in its current window, by the usage topic.

    Scopes without a call in the window are not listed. What calls under way have reserved is known to the workers
    alone: their metrics tell it. STATE is `open`, `killed` (the kill switch fell) or `stopped` (by an operator), and a
    `+` behind what was spent says that calls of unknown cost come on top. Exit code 0, or 1 when a record of the usage
    topic cannot be read, so that something is in no budget.
    """
    settings = settings_of(config)
    found = asyncio.run(view(settings, SystemClock()))
    standings = sorted(found.standings, key=lambda standing: standing.account)
    if json:
        for standing in standings:
            sys.stdout.buffer.write(encode_json(_fields(standing)) + b"\n")
    else:
        for line in lines(_HEAD, map(_row, standings), aligned=sys.stdout.isatty()):
            print(line)  # noqa: T201 the command line speaks
        if not standings:
            print("no budget has a call in its current window", file=sys.stderr)  # noqa: T201 the same
    if found.unreadable:
        _say_unreadable(found)
    return 1 if found.unreadable else 0


def _say_unreadable(found: View) -> None:
    records = "1 record" if found.unreadable == 1 else f"{found.unreadable:,} records"
    sentence = f"in NO budget: {records} that cannot be read, of them {found.first}"
    print(sentence, file=sys.stderr)  # noqa: T201 the same


def _fields(standing: Standing) -> dict[str, object]:
    scope = standing.account.scope
    return {
        "scope": scope.kind,
        "name": scope.name or None,
        "tenant": scope.tenant or None,
        "window": standing.account.window,
        "unit": standing.unit,
        "settled": standing.settled,
        "cap": standing.cap,
        "unknown": standing.unknown,
        "state": standing.state,
    }


def _row(standing: Standing) -> Sequence[str]:
    unit = standing.unit
    return (
        str(standing.account.scope),
        standing.account.window,
        amount(unit, standing.settled) + ("+" if standing.unknown and unit == "nanos" else ""),
        amount(unit, standing.cap),
        amount(unit, max(standing.cap - standing.settled, 0)),
        standing.state,
    )
