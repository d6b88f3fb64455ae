"""What the commands of `streamproc billing` share: which bill, and which period."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from streamproc.cli.options import settings_of
from streamproc.errors import SetupError
from streamproc.settings.settings import Settings
from streamproc.settings.store_address import check_store

__all__ = ["FromTime", "Store", "UntilTime", "billing_settings", "hours_between"]

Store = Annotated[
    str | None,
    Parameter(help="Where the bill is kept: sqlite:PATH or postgresql://USER@HOST/DATABASE. Default: billing.store."),
]
FromTime = Annotated[
    str | None,
    Parameter(name="--from", help="First day or hour, UTC: 2026-01-31 or 2026-01-31T08:00. Default: all before --to."),
]
UntilTime = Annotated[
    str | None,
    Parameter(name="--to", help="The first one that is not meant any more. Default: all after --from."),
]

_ALWAYS = range(-24 * 10**7, 24 * 10**7)  # whole days, so that tables of days can answer


def billing_settings(config: Path | None, store: str | None) -> Settings:
    """The settings in force, with the store of the command line.

    Raises:
        SetupError: what is wrong in them.
    """
    settings = settings_of(config)
    if store is None:
        return settings
    try:
        check_store(store)
    except ValueError as exc:
        raise SetupError(f"--store {exc}") from exc
    return settings.model_copy(update={"billing": settings.billing.model_copy(update={"store": store})})


def hours_between(begin: str | None, until: str | None) -> range:
    """The hours since 1970, in UTC, that are meant.

    Raises:
        SetupError: a time cannot be read, is not a whole hour, or the period has no hour.
    """
    first = _ALWAYS.start if begin is None else _hour("--from", begin)
    last = _ALWAYS.stop if until is None else _hour("--to", until)
    if first >= last:
        raise SetupError(f"--from {begin} is not before --to {until}, which is not meant any more itself")
    return range(first, last)


def _hour(option: str, text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise SetupError(f"{option}: {text!r} is neither a day (2026-01-31) nor an hour (2026-01-31T08:00)") from exc
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    hour, rest = divmod(round(moment.timestamp()), 3600)
    if rest or moment.microsecond:
        raise SetupError(f"{option}: {text} is not a full hour in UTC; the bill adds up by the hour")
    return hour
