"""`streamproc billing report`: what was used and what it cost, by whom, by what and when."""

import asyncio
import csv
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Literal

from cyclopts import Parameter

from streamproc.billing.bill import Noted, SumRow
from streamproc.billing.opening import open_bill
from streamproc.billing.report import BASES, KEYS, ReportRow, report_rows, shown_key, total_row
from streamproc.billing.sums import SUMS
from streamproc.cli.billing_options import FromTime, Store, UntilTime, billing_settings, hours_between
from streamproc.cli.options import ConfigFile
from streamproc.cli.table import one_line
from streamproc.errors import SetupError
from streamproc.money.dollars import usd
from streamproc.records.codec import encode_json
from streamproc.settings.settings import Settings

__all__ = ["report"]

_COUNTS = ("lines", "input_tokens", "output_tokens")
_HEAD = ("LINES", "INPUT", "OUTPUT", "COST", "PROVIDER", "ESTIMATED", "UPPER BOUND", "CACHE", "UNPRICED")


def report(
    *,
    by: Annotated[str, Parameter(help=f"What to add up by, parted by commas: {', '.join(KEYS)}.")] = "tenant",
    begin: FromTime = None,
    until: UntilTime = None,
    format: Annotated[  # noqa: A002 the option's name
        Literal["table", "csv", "json"], Parameter(help="For people, spreadsheets or programs.")
    ] = "table",
    store: Store = None,
    config: ConfigFile = None,
) -> int:
    """Show lines, tokens and costs. Days and hours are in UTC, by when calls began.

    COST is the sum of PROVIDER (by the provider's usage), ESTIMATED (counted by us), UPPER BOUND (the most that a lost
    call can have cost) and CACHE. UNPRICED counts lines without a known cost: they are in no sum, and a cost of which
    nothing is known is shown as unknown. JSON has integer nano-dollars. Exit code 2 when nothing is on the bill for
    the period.
    """
    keys = _keys(by)
    hours = hours_between(begin, until)
    sums, noted = asyncio.run(_look(billing_settings(config, store), keys, hours))
    if format == "json":
        rows, total = report_rows(sums, keys), total_row(sums)
        told = {"by": keys, "rows": [row.as_json(keys) for row in rows], "total": total.as_json(())}
        sys.stdout.buffer.write(encode_json(told) + b"\n")
    elif format == "csv":
        csv.writer(sys.stdout, lineterminator="\n").writerows(_csv(report_rows(sums, keys), keys))
    else:
        for line in _table(report_rows(sums, keys), total_row(sums), keys):
            print(line)  # noqa: T201 the command line speaks
    if any(noted):
        sys.stdout.flush()
        print(  # noqa: T201 the same
            f"streamproc: NOT on the bill: {noted.conflicts:,} lines with the id of another one, {noted.unreadable:,}"
            f" records that cannot be read, {noted.missed:,} offsets gone before they were read",
            file=sys.stderr,
        )
    return 0


def _keys(by: str) -> list[str]:
    keys = [key.strip() for key in by.split(",")]
    if unknown := [key for key in keys if key not in KEYS]:
        raise SetupError(f"--by: {unknown[0]!r} is none of {', '.join(KEYS)}")
    return list(dict.fromkeys(keys))


async def _look(settings: Settings, keys: list[str], hours: range) -> tuple[list[SumRow], Noted]:
    async with open_bill(settings.billing, create=False) as bill:
        sums = await bill.sums(keys, hours.start, hours.stop)
        if not sums:
            span = await bill.span()
            holds = (
                "the bill is empty: `streamproc billing run` fills it"
                if span is None
                else f"the bill holds hours from {shown_key('hour', span[0])} to {shown_key('hour', span[1])}"
            )
            raise SetupError(f"nothing is on the bill for that period; {holds}")
        return sums, await bill.noted()


def _csv(rows: Iterable[ReportRow], by: Sequence[str]) -> Iterator[Sequence[object]]:
    yield (*by, *SUMS, "cost_usd", *(f"{basis}_{what}" for basis in BASES for what in ("lines", "cost_usd")))
    for row in rows:
        sums = row.sums | {"cost_nanos": row.cost_nanos}
        split = [value for lines, cost in row.costs.values() for value in (lines, _decimal(cost))]
        yield (*row.keys, *(sums[name] for name in SUMS), _decimal(row.cost_nanos), *split)


def _decimal(nanos: int | None) -> str | None:
    return None if nanos is None else usd(nanos).replace("$", "")


def _table(rows: Iterable[ReportRow], total: ReportRow, by: Sequence[str]) -> Iterator[str]:
    head = (*(key.upper() for key in by), *_HEAD)
    body = [(*(one_line(key or "-") for key in row.keys), *_cells(row)) for row in rows]
    body.append(("TOTAL", *[""] * (len(by) - 1), *_cells(total)))
    widths = [max(len(row[column]) for row in (head, *body)) for column in range(len(head))]
    for row in (head, *body):
        padded = [cell.ljust(width) for cell, width in zip(row[: len(by)], widths, strict=False)]
        padded += [cell.rjust(width) for cell, width in zip(row[len(by) :], widths[len(by) :], strict=True)]
        yield "  ".join(padded)


def _cells(row: ReportRow) -> tuple[str, ...]:
    split = ("-" if lines == 0 else usd(cost) for lines, cost in row.costs.values())
    return (*(f"{row.sums[name]:,}" for name in _COUNTS), usd(row.cost_nanos), *split, f"{row.sums['unpriced']:,}")
