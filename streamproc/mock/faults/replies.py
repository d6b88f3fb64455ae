"""Faults that answer instead of the model: error statuses, rate limits with each kind of hint, pages of proxies."""

import math
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import formatdate

from streamproc.mock.dialects import ANTHROPIC, Dialect, Trouble
from streamproc.mock.faults.fault import Fault, Number, Refusal, Refusing
from streamproc.mock.response import Fields, Reply

__all__ = ["REPLIES", "go_duration"]

_PAGE = b"<!DOCTYPE html>\n<html><head><title>%b</title></head><body><h1>%b</h1></body></html>\n"


def go_duration(milliseconds: int) -> str:
    """As Go writes it, and OpenAI's headers: `12ms`, `1.5s`, `6m0s`, `1h0m0s`."""
    if milliseconds < 1000:  # noqa: PLR2004 below a second
        return f"{milliseconds}ms"
    minutes, left = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{left / 1000:g}s"
    return f"{hours}h{minutes}m{seconds}" if hours else f"{minutes}m{seconds}" if minutes else seconds


def _status(dialect: Dialect, number: int, now: float) -> Refusal:
    del now
    return Refusal(dialect.error_of_status(number), fields=None)


def _trouble(trouble: Trouble, fields: Fields | None = ()) -> Callable[[Dialect, int, float], Refusal]:
    def refuse(dialect: Dialect, number: int, now: float) -> Refusal:
        del number, now
        return Refusal(dialect.troubles[trouble], fields)

    return refuse


def _limit(hint: Callable[[Dialect, int, float], Fields]) -> Callable[[Dialect, int, float], Refusal]:
    def refuse(dialect: Dialect, number: int, now: float) -> Refusal:
        return Refusal(dialect.troubles["slowdown"], hint(dialect, number, now))

    return refuse


def _seconds(dialect: Dialect, number: int, now: float) -> Fields:
    del dialect, now
    return (("retry-after", str(number)),)


def _date(dialect: Dialect, number: int, now: float) -> Fields:
    del dialect
    return (("retry-after", formatdate(math.ceil(now) + number, usegmt=True)),)


def _milliseconds(dialect: Dialect, number: int, now: float) -> Fields:
    del dialect, now
    return (("retry-after-ms", str(number)),)


def _reset(dialect: Dialect, number: int, now: float) -> Fields:
    if dialect is ANTHROPIC:
        until = datetime.fromtimestamp(math.ceil(now + number / 1000), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        prefix, suffix = "anthropic-ratelimit-requests-", ""
    else:
        until = go_duration(number)
        prefix, suffix = "x-ratelimit-", "-requests"
    figures = (("limit", "60"), ("remaining", "0"), ("reset", until))
    return tuple((f"{prefix}{name}{suffix}", value) for name, value in figures)


def _bare(dialect: Dialect, number: int, now: float) -> Fields:
    del dialect, number, now
    return ()


def _page(status: int, title: bytes, *fields: tuple[str, str]) -> Callable[[Dialect, int, float], Refusal]:
    def refuse(dialect: Dialect, number: int, now: float) -> Refusal:
        del dialect, number, now
        body = _PAGE % (title, title) if title else b""
        return Refusal(page=Reply(status, body, fields, "text/html" if title else "application/json"))

    return refuse


REPLIES: tuple[Fault, ...] = (
    Refusing(
        name="e",
        sentence="an error with this HTTP status, in the API's own form",
        number=Number("status, 400 to 599", None, 400, 599),
        refuse=_status,
        is_mixed=False,
    ),
    Refusing(
        name="limitseconds",
        sentence="429 with `retry-after` in seconds",
        number=Number("seconds", 1),
        refuse=_limit(_seconds),
    ),
    Refusing(
        name="limitdate",
        sentence="429 with `retry-after` as an HTTP date",
        number=Number("seconds from now", 1),
        refuse=_limit(_date),
    ),
    Refusing(
        name="limitms",
        sentence="429 with `retry-after-ms`",
        number=Number("milliseconds", 100),
        refuse=_limit(_milliseconds),
    ),
    Refusing(
        name="limitreset",
        sentence="429 with `x-ratelimit-reset-requests` such as `6m0s`; Anthropic's own header has a date",
        number=Number("milliseconds", 1000),
        refuse=_limit(_reset),
    ),
    Refusing(name="limitbare", sentence="429 without any hint", refuse=_limit(_bare)),
    Refusing(
        name="quota",
        sentence="429 `insufficient_quota`, which retrying does not help; Anthropic: 402 `billing_error`",
        refuse=_trouble("quota", fields=None),
        is_mixed=False,
    ),
    Refusing(
        name="nocredit",
        sentence="429 `credit_balance_exhausted`; Anthropic: 402 `billing_error`",
        refuse=_trouble("nocredit"),
        is_mixed=False,
    ),
    Refusing(
        name="orglimit",
        sentence="429 `organization_spend_limit_exceeded`; Anthropic: 402 `billing_error`",
        refuse=_trouble("orglimit"),
        is_mixed=False,
    ),
    Refusing(
        name="spendlimit",
        sentence="429 `project_spend_limit_exceeded`; Anthropic: `enforced_spend_limit_reached`, without a hint",
        refuse=_trouble("spendlimit"),
        is_mixed=False,
    ),
    Refusing(
        name="owncap",
        sentence="429 `organization_usage_limit_exceeded`, which the customer set for itself; Anthropic: 400",
        refuse=_trouble("owncap"),
        is_mixed=False,
    ),
    Refusing(
        name="toolong",
        sentence="400: the input is longer than the model's context",
        refuse=_trouble("toolong"),
    ),
    Refusing(name="html", sentence="502 with an HTML page of a proxy", refuse=_page(502, b"502 Bad Gateway")),
    Refusing(name="page", sentence="200 with an HTML page, such as a login", refuse=_page(200, b"Sign in")),
    Refusing(name="empty", sentence="200 with an empty body", refuse=_page(200, b"")),
    Refusing(
        name="redirect",
        sentence="307 to `/moved`",
        refuse=_page(307, b"Temporary Redirect", ("location", "/moved")),
    ),
)
