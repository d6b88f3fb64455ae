"""`streamproc providers check`: one tiny call to each provider."""

import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from cyclopts import Parameter

from streamproc.chain.provider import Provider
from streamproc.cli.options import ConfigFile, settings_of
from streamproc.cli.table import lines
from streamproc.errors import SetupError
from streamproc.money.pricing import Prices
from streamproc.money.rates import Rates
from streamproc.providers.catalog import Catalog
from streamproc.providers.trial import Trial, attempt
from streamproc.records.codec import encode_json
from streamproc.settings.settings import Settings

__all__ = ["check"]

_HEAD = ("PROVIDER", "CREDENTIAL", "FIRST TOKEN", "WHOLE", "USD IN/M", "USD OUT/M", "MODEL")
_AT_ONCE = 8
_PICOS_PER_USD_A_MILLION = 10**6


def check(
    *,
    provider: Annotated[
        tuple[str, ...], Parameter(help="Only this one. May be repeated; default: all.", negative=())
    ] = (),
    all_models: Annotated[
        bool, Parameter(help="Call every model, not only the first one of each provider.", negative="")
    ] = False,
    seconds: Annotated[float, Parameter(help="How long one answer may take.")] = 30.0,
    json: Annotated[bool, Parameter(help="Print one JSON object a line.", negative="")] = False,
    config: ConfigFile = None,
) -> int:
    """Make one tiny call to each provider with each credential, and say whether it works, how quickly, at which price.

    The calls are real: each asks for at most 16 tokens, or for the embedding of two words, and is billed by the
    provider; it appears in no usage topic. Kafka is not needed. What does not work is told on standard error with what
    to do. Exit code 0 when all work, 1 when one does not.
    """
    settings = settings_of(config)
    asked = _asked(settings, provider, all_models=all_models)
    trials = asyncio.run(_attempts(settings, asked, seconds))
    prices, now = Prices(settings.providers), datetime.now(UTC)
    priced = [(trial, prices.rates(trial.provider, trial.model, now)) for trial in trials]
    if json:
        for trial, rates in priced:
            sys.stdout.buffer.write(encode_json(_as_json(trial, rates)) + b"\n")
    else:
        rows = [_row(trial, rates) for trial, rates in priced if trial.problem is None]
        for line in lines(_HEAD, rows, aligned=sys.stdout.isatty()) if rows else ():
            print(line)  # noqa: T201 the command line speaks
    failed = [trial for trial in trials if trial.problem is not None]
    for trial in failed:
        print(f"{trial.provider}, credential {trial.credential}, model {trial.model}: {trial.problem}", file=sys.stderr)  # noqa: T201 the same
    return 1 if failed else 0


def _asked(settings: Settings, only: Sequence[str], *, all_models: bool) -> list[tuple[str, str]]:
    unknown = [name for name in only if name not in settings.providers]
    if unknown or not settings.providers:
        there = ", ".join(settings.providers) or "none"
        raise SetupError(f"no provider {unknown[0]!r} in the settings; there are: {there}" if unknown else _NONE)
    return [
        (name, model)
        for name, own in settings.providers.items()
        if not only or name in only
        for model in (own.models if all_models else own.models[:1])
    ]


_NONE = "no provider in the settings; add one under [providers.NAME]"


async def _attempts(settings: Settings, asked: Sequence[tuple[str, str]], seconds: float) -> list[Trial]:
    catalog = Catalog(settings.providers, now=time.time)
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(provider: Provider, credential: str, model: str) -> Trial:
        async with slots:
            goes_on = settings.providers[provider.name].kind == "openai_completions"
            return await attempt(provider, credential, model, seconds, goes_on=goes_on)

    try:
        return await asyncio.gather(
            *(
                one(provider, credential, model)
                for name, model in asked
                for credential, provider in catalog.credentials[name]
            )
        )
    finally:
        await catalog.aclose()


def _usd(picos: int | None) -> str | None:
    return None if picos is None else f"{Decimal(picos) / _PICOS_PER_USD_A_MILLION:f}"


def _row(trial: Trial, rates: Rates | None) -> tuple[str, ...]:
    step = None if rates is None else rates.steps[0]
    known = (None, None) if step is None else (_usd(step.input), _usd(step.output))
    prices = tuple(price or "unknown" for price in known)
    first = trial.seconds if trial.first_seconds is None else trial.first_seconds
    times = (f"{seconds * 1000:.0f} ms" for seconds in (first, trial.seconds))
    return (trial.provider, trial.credential, *times, *prices, trial.model)


def _as_json(trial: Trial, rates: Rates | None) -> dict[str, Any]:
    step = None if rates is None else rates.steps[0]
    return {
        "provider": trial.provider,
        "credential": trial.credential,
        "model": trial.model,
        "works": trial.problem is None,
        "first_token_seconds": trial.first_seconds,
        "seconds": trial.seconds,
        "usage": None if trial.usage is None else asdict(trial.usage),
        "input_usd": None if step is None else _usd(step.input),
        "output_usd": None if step is None else _usd(step.output),
        "problem": trial.problem,
    }
