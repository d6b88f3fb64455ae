"""Reads export files, and finds out whose they are: OpenAI's, Anthropic's, or the mock provider's own bill."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from io import StringIO
from pathlib import Path

from streamproc.billing.export import CallExport, DayExport, Figures, ServedCall
from streamproc.billing.export_anthropic import anthropic_day, anthropic_figures, anthropic_model
from streamproc.billing.export_item import Item
from streamproc.billing.export_openai import openai_day, openai_figures, openai_model
from streamproc.errors import SetupError

__all__ = ["read_exports"]

Day = Callable[[Item], int]
Found = Iterator[tuple[int, str | None, Figures | None]]

_MOST_DIGITS = 1000

_KNOWN = (
    "a page of OpenAI's or Anthropic's usage or cost API (JSON), a CSV export of theirs, or the mock provider's"
    " /stats?calls=1"
)


def read_exports(files: list[Path]) -> DayExport | CallExport:
    """All files together, which are pages of one export.

    Raises:
        SetupError: a file cannot be read, is damaged (the message says where), is of no known form, or is one page of
            several whose next is not there; or they are exports by call and by day.
    """
    found = [_read(file) for file in files]
    by_call = [one for one in found if isinstance(one, CallExport)]
    by_day = [one for one in found if not isinstance(one, CallExport)]
    if by_call:
        if len(found) > 1:
            raise SetupError("a bill by calls is reconciled alone: name one file")
        return by_call[0]
    pages = sum(more for _, more in by_day)
    if pages >= len(files):
        raise SetupError(
            f"{files[-1]} is not the last page (has_more is true): fetch the next ones (next_page), and name all files"
        )
    rows: dict[tuple[int, str | None], Figures] = {}
    days = set()
    for items, _ in by_day:
        for day, model, figures in items:
            days.add(day)
            if figures is not None:
                rows[(day, model)] = rows.get((day, model), Figures()).plus(figures)
    if not days:
        raise SetupError(f"{files[0]} speaks of no day: there is nothing to reconcile")
    return DayExport(range(min(days), max(days) + 1), rows)


def _read(file: Path) -> CallExport | tuple[list[tuple[int, str | None, Figures | None]], bool]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as exc:
        raise SetupError(f"cannot read {file}: {exc.strerror or exc}") from exc
    except UnicodeDecodeError as exc:
        raise SetupError(f"{file} is no text in UTF-8: byte {exc.start}") from exc
    if not text.lstrip().startswith(("{", "[")):
        return list(_rows(file, text)), False
    try:
        content = json.loads(text, parse_float=Decimal, parse_int=_whole)
    except (json.JSONDecodeError, RecursionError) as exc:
        place = (
            f"line {exc.lineno} column {exc.colno}: {exc.msg}" if isinstance(exc, json.JSONDecodeError) else str(exc)
        )
        raise SetupError(f"{file} is damaged: {place}") from exc
    page = Item(str(file), content if isinstance(content, Mapping) else {})
    if "calls" in page.values:
        return _calls(page)
    if not isinstance(page.values.get("data"), list):
        raise SetupError(f"{file} is none of those known: {_KNOWN}")
    return list(_buckets(page)), page.values.get("has_more") is True


def _whole(digits: str) -> int | Decimal:
    # Python makes no integer of very many digits; as a decimal it is told with its place.
    return int(digits) if len(digits) <= _MOST_DIGITS else Decimal(digits)


def _buckets(page: Item) -> Found:
    for bucket in page.parts("data"):
        if "start_time" in bucket.values:
            day, model, figures = openai_day(bucket), openai_model, openai_figures
        elif "starting_at" in bucket.values:
            day, model, figures = anthropic_day(bucket), anthropic_model, anthropic_figures
        else:
            raise SetupError(f"{bucket.where} has neither start_time (OpenAI) nor starting_at (Anthropic)")
        yield day, None, None
        for item in bucket.parts("results"):
            yield day, model(item), figures(item)


def _rows(file: Path, text: str) -> Found:
    lines = csv.reader(StringIO(text, newline=""), strict=True)
    try:
        head = [name.strip() for name in next(lines, [])]
        if "start_time" in head:
            day, model, figures = openai_day, openai_model, openai_figures
        elif "usage_date_utc" in head:
            day, model, figures = anthropic_day, anthropic_model, anthropic_figures
        else:
            raise SetupError(f"{file} is none of those known: {_KNOWN}")
        for row in lines:
            where = f"{file} line {lines.line_num}"
            if not row:
                continue
            if len(row) > len(head):
                raise SetupError(f"{where}: {len(row)} columns, and the first line names {len(head)}")
            if len(row) < len(head):
                raise SetupError(f"{where}: it ends before column {head[len(row)]}")
            item = Item(where, dict(zip(head, row, strict=True)))
            yield day(item), model(item), figures(item)
    except csv.Error as exc:
        raise SetupError(f"{file} line {lines.line_num} is damaged: {exc}") from exc


def _calls(page: Item) -> CallExport:
    calls: dict[str, ServedCall] = {}
    unnamed = 0
    for item in page.parts("calls"):
        name = item.text("client_request_id")
        call = ServedCall(
            item.count("input_tokens"),
            item.count("output_tokens"),
            item.count("cached_tokens"),
            item.count("cache_write_tokens"),
            item.count("reasoning_tokens"),
            item.text("outcome") == "completed",
        )
        if name is None:
            unnamed += call.used
        else:
            calls[name] = _both(calls[name], call) if name in calls else call
    return CallExport(calls, unnamed)


def _both(one: ServedCall, other: ServedCall) -> ServedCall:
    # One call that reached the server twice is paid for twice.
    return ServedCall(
        one.input_tokens + other.input_tokens,
        one.output_tokens + other.output_tokens,
        one.cached_input_tokens + other.cached_input_tokens,
        one.cache_write_tokens + other.cache_write_tokens,
        one.reasoning_tokens + other.reasoning_tokens,
        one.is_whole and other.is_whole,
    )
