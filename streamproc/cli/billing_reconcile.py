"""`streamproc billing reconcile`: the bill against what a provider says was used."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from streamproc.billing.bill import Bill
from streamproc.billing.export import CallExport, DayExport
from streamproc.billing.export_files import read_exports
from streamproc.billing.line import HOUR_US
from streamproc.billing.opening import open_bill
from streamproc.billing.reconcile import Calls, Comparison, compare_calls, compare_days
from streamproc.billing.report import shown_key
from streamproc.cli.billing_options import FromTime, Store, UntilTime, billing_settings, hours_between
from streamproc.cli.options import ConfigFile
from streamproc.cli.table import one_line
from streamproc.errors import SetupError
from streamproc.money.dollars import usd
from streamproc.settings.settings import Settings

__all__ = ["reconcile"]

_MOST_TOLD = 20  # single calls of a kind; the sums tell the rest
_HOURS_OF_A_DAY = 24


def reconcile(
    *files: Annotated[Path, Parameter(help="Export of the provider, all pages of it: JSON or CSV.")],
    provider: Annotated[str, Parameter(help="Name of the provider in the settings, as usage lines have it.")],
    begin: FromTime = None,
    until: UntilTime = None,
    all: Annotated[bool, Parameter(help="Show what is equal, too.", negative="")] = False,  # noqa: A002 the option's name
    store: Store = None,
    config: ConfigFile = None,
) -> int:
    """Hold the bill against a provider's own account.

    Exports of OpenAI and Anthropic (usage or costs; pages of their APIs or CSV files) are compared by day and model;
    dates at the end of model names are left out. The mock provider's /stats?calls=1 is compared call by call, by
    usage id. --from and --to are for the latter; the others speak of days themselves. Exit code 0 when nothing differs,
    1 when something does, 2 when a file cannot be read.
    """
    if not files:
        raise SetupError("no file to reconcile with: name an export of the provider")
    settings = billing_settings(config, store)
    export = read_exports(list(files))
    hours = hours_between(begin, until)
    return asyncio.run(_reconcile(settings, export, provider, hours, show_all=all))


async def _reconcile(
    settings: Settings, export: DayExport | CallExport, provider: str, hours: range, *, show_all: bool
) -> int:
    async with open_bill(settings.billing, create=False) as bill:
        names = {*settings.providers, *await bill.providers()}
        if provider not in names:
            known = ", ".join(map(one_line, sorted(names))) or "none"
            raise SetupError(f"--provider: {provider!r} is neither in the settings nor on the bill; there are: {known}")
        if isinstance(export, CallExport):
            calls = await _calls(bill, export, provider, hours)
            for line in _told_calls(calls, export):
                print(one_line(line))  # noqa: T201 the command line speaks
            return 0 if calls.is_equal else 1
        found = await _days(bill, export, provider)
    for line in _told_days(found, show_all=show_all):
        print(one_line(line))  # noqa: T201 the same
    return 0 if all(one.is_equal for one in found) else 1


async def _days(bill: Bill, export: DayExport, provider: str) -> list[Comparison]:
    sums = await bill.sums(
        ("day", "model", "provider"), export.days.start * _HOURS_OF_A_DAY, export.days.stop * _HOURS_OF_A_DAY
    )
    return list(compare_days((row for row in sums if row.keys[2] == provider), export))


async def _calls(bill: Bill, export: CallExport, provider: str, hours: range) -> Calls:
    lines = [line async for few in bill.lines(provider, hours.start * HOUR_US, hours.stop * HOUR_US) for line in few]
    return compare_calls(lines, export)


def _told_days(found: list[Comparison], *, show_all: bool) -> Iterator[str]:
    for one in found:
        if show_all or not one.is_equal:
            ours, theirs, difference = (
                _shown(one.figure, number) for number in (one.ours, one.theirs, one.ours - one.theirs)
            )
            verdict = "equal    " if one.is_equal else "DIFFERENT"
            place = f"{shown_key('day', one.day)}  {one.model or 'all models'}  {one.figure.removesuffix('_nanos')}"
            unsure = f", {one.unsure:,} lines of ours not by the provider's usage" if one.unsure else ""
            yield f"{verdict}  {place}: ours {ours}, theirs {theirs}, ours less theirs {difference}{unsure}"
    different = sum(not one.is_equal for one in found)
    days = len({one.day for one in found})
    yield (
        f"{different:,} of {len(found):,} figures differ, on {days:,} days with usage"
        if different
        else (f"ok: {len(found):,} figures of {days:,} days agree")
    )


def _shown(figure: str, number: int) -> str:
    return usd(number) if figure == "cost_nanos" else f"{number:,}"


def _told_calls(calls: Calls, export: CallExport) -> Iterator[str]:
    for line, call in calls.different[:_MOST_TOLD]:
        yield (
            f"DIFFERENT  {line.usage_id}: ours {line.input_tokens} input and {line.output_tokens} output tokens,"
            f" theirs {call.input_tokens} and {call.output_tokens}"
        )
    for line in calls.only_ours[:_MOST_TOLD]:
        yield f"ONLY OURS  {line.usage_id}: the provider does not list this call"
    for name in calls.only_theirs[:_MOST_TOLD]:
        yield f"ONLY THEIRS  {name}: there is no line for this call on the bill"
    yield (
        f"{'ok: ' if calls.is_equal else ''}{calls.equal:,} calls agree, {len(calls.different):,} differ,"
        f" {len(calls.only_ours):,} only on the bill, {len(calls.only_theirs):,} only at the provider"
    )
    if calls.unsure:
        yield (
            f"{calls.unsure:,} calls were cut, and are not compared: {calls.unsure_ours:,} tokens on the bill,"
            f" {calls.unsure_theirs:,} by the provider's count"
        )
    if export.unnamed:
        yield f"{export.unnamed:,} calls of the provider bear no usage id: they are not of a worker"
