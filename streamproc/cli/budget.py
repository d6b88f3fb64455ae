"""`streamproc budget set|stop|resume`: an operator's word on a budget."""

import asyncio
import sys
import time
from typing import Annotated, Any, Literal, TypeVar

from cyclopts import Parameter
from pydantic import ValidationError

from streamproc.cli.options import ConfigFile, settings_of
from streamproc.errors import SetupError
from streamproc.kafka.operator import speak
from streamproc.money.cap import amount
from streamproc.money.dollars import nanos
from streamproc.records.admin import Resume, SetCap, Stop, key_of
from streamproc.records.pattern import parse_pattern
from streamproc.settings.settings import Settings

__all__ = ["resume", "set_cap", "stop"]

_MEANT = {"tenant": "1 to 128 letters, digits or any of ._:@/-", "note": "text of 1 to 256 characters"}
"""What an option may hold that the record checks; all others are looked at before."""

_LEAST_USD = 1e-9
_MOST_USD = 9_000_000_000  # in nano-dollars they have 64 bits

Scope = Annotated[str, Parameter(help="global, tenant=NAME, user=NAME or feature=NAME; NAME may be *, any of them.")]
Tenant = Annotated[str | None, Parameter(help="Whose user it is; without it the user of each tenant.")]
Said = TypeVar("Said", SetCap, Stop, Resume)
Note = Annotated[str | None, Parameter(help="Why, for people; it stands in the record.")]


def set_cap(
    scope: Scope,
    *,
    window: Annotated[Literal["day", "month"], Parameter(help="Of the time zone of the budgets.")],
    usd: Annotated[float | None, Parameter(help="The most that may be spent, in US dollars.")] = None,
    tokens: Annotated[int | None, Parameter(help="The most tokens instead, input and output together.")] = None,
    default: Annotated[
        Literal["usd", "tokens"] | None, Parameter(help="Instead of an amount: as the settings say it, in this unit.")
    ] = None,
    tenant: Tenant = None,
    note: Note = None,
    config: ConfigFile = None,
) -> int:
    """Set a cap, over what the settings say.

    It holds from when the workers read it, which takes about a second, until it is set again; a window that is under
    way counts. A cap raised above what was spent lets calls begin again. Exit code 0 when Kafka has it.
    """
    settings = _with_budgets(config)
    if sum(given is not None for given in (usd, tokens, default)) != 1:
        raise SetupError("give --usd, --tokens or --default, one of them")
    if not 0 <= (usd or 0) <= _MOST_USD or not 0 <= (tokens or 0) < 2**63:
        raise SetupError(f"a cap must be a number from 0 on, at most {_MOST_USD:,} dollars or {2**63 - 1:,} tokens")
    if usd is not None and 0 < usd < _LEAST_USD:
        raise SetupError(f"--usd: {usd:g} is less than a nano-dollar, the least amount; 0 lets no call begin")
    unit: Literal["nanos", "tokens"] = "tokens" if tokens is not None or default == "tokens" else "nanos"
    number = nanos(usd) if usd is not None else tokens or 0
    said = {"scope": scope, "tenant": tenant, "note": note, "window": window, "unit": unit, "amount": number}
    word = _checked(SetCap, kind="set", **said)
    asyncio.run(speak(settings, key_of(word), word if default is None else None, time.time()))
    told = "as the settings say" if default is not None else amount(unit, number)
    _say(f"the cap of {word.pattern} a {window} is {told}")
    return 0


def stop(scope: Scope, *, tenant: Tenant = None, note: Note = None, config: ConfigFile = None) -> int:
    """Refuse new calls of a scope until it is resumed.

    Calls under way go on. It holds from when the workers read it, which takes about a second, over all windows, until
    `streamproc budget resume`. Exit code 0 when Kafka has it.
    """
    word = _checked(Stop, kind="stop", scope=scope, tenant=tenant, note=note)
    asyncio.run(speak(_with_budgets(config), key_of(word), word, time.time()))
    _say(f"new calls of {word.pattern} are refused until it is resumed")
    return 0


def resume(scope: Scope, *, tenant: Tenant = None, note: Note = None, config: ConfigFile = None) -> int:
    """Let calls of a scope begin again that was stopped, or whose kill switch fell.

    The kill switch is lifted for the windows that are current now, and not for later ones; the caps hold on: one that
    is spent has to be set higher. Exit code 0 when Kafka has it.
    """
    word = _checked(Resume, kind="resume", scope=scope, tenant=tenant, note=note)
    asyncio.run(speak(_with_budgets(config), key_of(word), word, time.time()))
    _say(f"calls of {word.pattern} may begin again, within its caps")
    return 0


def _checked(record: type[Said], **fields: Any) -> Said:
    try:
        parse_pattern(fields["scope"], fields["tenant"])
        return record(**fields)
    except ValidationError as exc:
        option = str(exc.errors(include_url=False)[0]["loc"][0])
        raise SetupError(f"--{option}: must be {_MEANT[option]}") from exc
    except ValueError as exc:
        raise SetupError(f"--scope: {exc}") from exc


def _with_budgets(config: ConfigFile) -> Settings:
    settings = settings_of(config)
    if not settings.budgets.is_on:
        raise SetupError(
            "these settings have no budgets: add budgets.caps or set budgets.enabled, for the workers, too"
        )
    return settings


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)  # noqa: T201 the command line speaks
