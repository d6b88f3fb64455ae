"""`streamproc budget show`: what was spent of each budget, read from Kafka."""

import asyncio
import sys
from collections.abc import Sequence
from typing import Annotated

from cyclopts import Parameter

from streamproc.budgets_view import View, view
from streamproc.cli.options import ConfigFile, settings_of
from streamproc.cli.table import lines
from streamproc.money.cap import Unit, amount
from streamproc.money.listing import Listed
from streamproc.records.codec import encode_json
from streamproc.system_clock import SystemClock

__all__ = ["show"]

_NONE = "-"
_HEAD = ("SCOPE", "WINDOW", "SPENT", "OF", "LEFT", "STATE")


def show(
    *,
    json: Annotated[bool, Parameter(help="Print one JSON object a line.", negative="")] = False,
    config: ConfigFile = None,
) -> int:
    """Show what was spent of each budget in its current window, by the usage topic.

    Scopes without a call in the window are listed where an operator spoke of them; - is what they do not have. What
    calls under way have reserved is known to the workers alone: their metrics tell it. STATE is `open`, `killed` (the
    kill switch fell) or `stopped` (by an operator), and a `+` behind what was spent says that calls of unknown cost
    come on top. Exit code 0, or 1 when a record of the usage topic cannot be read, so that something is in no budget.
    """
    settings = settings_of(config)
    found = asyncio.run(view(settings, SystemClock()))
    if json:
        for listed in found.budgets:
            sys.stdout.buffer.write(encode_json(_fields(listed)) + b"\n")
    else:
        for line in lines(_HEAD, map(_row, found.budgets), aligned=sys.stdout.isatty()):
            print(line)  # noqa: T201 the command line speaks
        if not found.budgets:
            print("no budget has a call in its current window", file=sys.stderr)  # noqa: T201 the same
    if found.unreadable:
        _say_unreadable(found)
    return 1 if found.unreadable else 0


def _say_unreadable(found: View) -> None:
    records = "1 record" if found.unreadable == 1 else f"{found.unreadable:,} records"
    sentence = f"in NO budget: {records} that cannot be read, of them {found.first}"
    print(sentence, file=sys.stderr)  # noqa: T201 the same


def _fields(listed: Listed) -> dict[str, object]:
    fields = listed._asdict()
    return {"scope": fields.pop("kind"), **fields}


def _row(listed: Listed) -> Sequence[str]:
    settled, cap, unit = listed.settled, listed.cap, listed.unit
    return (
        listed.scope,
        listed.window or _NONE,
        _amount(unit, settled) + ("+" if listed.unknown and unit == "nanos" else ""),
        _amount(unit, cap),
        _amount(unit, None if settled is None or cap is None else max(cap - settled, 0)),
        listed.state,
    )


def _amount(unit: Unit | None, number: int | None) -> str:
    return _NONE if unit is None or number is None else amount(unit, number)
