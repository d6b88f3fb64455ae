"""Tables for people: a name that somebody else chose makes no row of its own, and says nothing to the terminal."""

import asyncio
from pathlib import Path

from streamproc.billing.intake import Intake
from streamproc.billing.line import read_line
from streamproc.billing.opening import open_bill
from streamproc.billing.sums import Taken
from streamproc.cli.table import lines
from streamproc.kafka.reader import Place, Record
from streamproc.records.codec import encode_usage
from streamproc.settings.billing import BillingSettings
from tests.lines import a_line
from tests.unit.cli.inside import say

HOSTILE = "acme\nTOTAL\t1\x1b[2J\u202e"
SHOWN = (
    "acme\N{REPLACEMENT CHARACTER}TOTAL\N{REPLACEMENT CHARACTER}1\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}"
)


def test_a_cell_is_one_line() -> None:
    """Aligned for people, and parted by tabs for programs, of which it cannot make a column more."""
    assert list(lines(("WHO", "N", "WHAT"), [(HOSTILE, "1", "x")], aligned=False)) == [f"{SHOWN}\t1\tx"]
    assert list(lines(("WHO", "N", "WHAT"), [(HOSTILE, "1", "x")], aligned=True))[1:] == [f"{SHOWN}  1  x"]


def test_a_report_has_a_row_for_each_tenant(tmp_path: Path) -> None:
    """A line on the usage topic may have any name. Its line breaks once made rows, and its escapes spoke."""
    line = read_line(Record(Place("llm.usage", 0), 0, 0, None, encode_usage(a_line(tenant=HOSTILE)), ()))

    async def fill() -> None:
        async with open_bill(BillingSettings(store=f"sqlite:{tmp_path / 'billing.sqlite'}"), create=True) as bill:
            await bill.put(Intake("llm.usage", {0: (None, 1)}, [Taken(0, 0, line, b"")]), 0)

    asyncio.run(fill())
    said = say("billing", "report", folder=tmp_path)
    assert [row.split()[0] for row in said.out.splitlines()] == ["TENANT", SHOWN, "TOTAL"]
