"""`streamproc prices`: what models cost by the settings in force, and what old usage lines would cost by them."""

import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from cyclopts import Parameter

from streamproc.cli.dead_filter import moment_ms
from streamproc.cli.options import ConfigFile, settings_of
from streamproc.cli.table import lines
from streamproc.cli.usage_source import KnownUsage, take_usage
from streamproc.errors import SetupError
from streamproc.money.dollars import digits, usd
from streamproc.money.pricing import Prices
from streamproc.money.rates import Rates, Step
from streamproc.money.repricing import Group, Repriced, Repricing
from streamproc.providers.resolved import Resolved
from streamproc.records.codec import encode_json
from streamproc.settings.settings import Settings

__all__ = ["again", "show"]

_HEAD = (
    "PROVIDER",
    "TIER",
    "ABOVE",
    "INPUT",
    "CACHED",
    "WRITTEN",
    "1 HOUR",
    "OUTPUT",
    "REASONING",
    "CALL",
    "SEARCH",
    "MODEL AND LIST",
)
_AGAIN_HEAD = ("TENANT", "LINES", "BILLED", "AGAIN", "DIFFERENCE", "UNKNOWN", "STILL", "MODEL")
_PICOS_PER_USD = 10**12
_PER_MILLION = 10**6


def show(
    model: Annotated[str | None, Parameter(help="Only this model, or provider/model. Default: all.")] = None,
    *,
    at: Annotated[
        str | None, Parameter(help="The price at this time: RFC 3339, or how long ago (2h, 7d). Default: now.")
    ] = None,
    json: Annotated[bool, Parameter(help="Print one JSON object a line.", negative="")] = False,
    config: ConfigFile = None,
) -> int:
    """Show what the models of the settings cost, on each service tier and for each size, and by which price list.

    Tokens are in US dollars per million; `call` and `search` in dollars for one. `above` is the number of input tokens
    above which a row holds. `settings` is an own price, with the time from which it holds. Exit code 0, or 1 when a
    model has no known price: its requests are refused unless `allow_unpriced` is set.
    """
    settings = settings_of(config)
    moment = datetime.fromtimestamp(time.time() if at is None else moment_ms("--at", at, time.time()) / 1000, UTC)
    prices = Prices(settings.providers)
    found = [(place, prices.rates(*place, moment)) for place in _places(settings, model)]
    if json:
        for place, rates in found:
            sys.stdout.buffer.write(encode_json(_as_json(place, rates)) + b"\n")
    else:
        rows = [row for place, rates in found for row in _rows(place, rates)]
        for line in lines(_HEAD, rows, aligned=sys.stdout.isatty()):
            print(line)  # noqa: T201 the command line speaks
    return 1 if any(rates is None for _, rates in found) else 0


def _places(settings: Settings, model: str | None) -> list[Resolved]:
    places = [Resolved(name, own) for name, provider in settings.providers.items() for own in provider.models]
    chosen = [place for place in places if model in {None, place.model, "/".join(place)}]
    if not places:
        raise SetupError("no model in the settings; add a provider under [providers.NAME] with its models")
    if not chosen:
        there = ", ".join("/".join(place) for place in places[:20]) or "none"
        raise SetupError(f"no model {model!r} in the settings; there are: {there}")
    return chosen


def _tiers(rates: Rates) -> Iterator[tuple[str, Step]]:
    for tier, steps in (("standard", rates.steps), *rates.tiers):
        for step in steps:
            yield tier, step


def _rows(place: Resolved, rates: Rates | None) -> Iterator[tuple[str, ...]]:
    if rates is None:
        yield place.provider, *("unknown",) * (len(_HEAD) - 2), place.model
        return
    for tier, step in _tiers(rates):
        figures = [value or "unknown" for value in _figures(step).values()]
        yield place.provider, tier, str(step.above_input_tokens), *figures, f"{place.model} ({rates.version})"


def _figures(step: Step) -> dict[str, str | None]:
    return {
        "input_usd": _usd(step.input, _PER_MILLION),
        "cached_input_usd": _usd(step.cached_input, _PER_MILLION),
        "cache_write_usd": _usd(step.cache_write, _PER_MILLION),
        "cache_write_1h_usd": _usd(step.cache_write_1h, _PER_MILLION),
        "output_usd": _usd(step.output, _PER_MILLION),
        "reasoning_usd": _usd(step.reasoning, _PER_MILLION),
        "request_usd": _usd(step.request, 1),
        "web_search_usd": _usd(step.web_search, 1),
    }


def _usd(picos: int | None, pieces: int) -> str | None:
    return None if picos is None else f"{(Decimal(picos) * pieces / _PICOS_PER_USD).normalize():f}"


def _as_json(place: Resolved, rates: Rates | None) -> dict[str, Any]:
    steps = [] if rates is None else list(_tiers(rates))
    return {
        "provider": place.provider,
        "model": place.model,
        "price_version": None if rates is None else rates.version,
        "prices": [
            {"tier": tier, "above_input_tokens": step.above_input_tokens, **_figures(step)} for tier, step in steps
        ],
    }


def again(
    file: Annotated[
        str | None,
        Parameter(help="JSONL file of usage lines, or - for standard input.", allow_leading_hyphen=True),
    ] = None,
    *,
    from_topic: Annotated[bool, Parameter(help="Take the usage topic of the settings.", negative="")] = False,
    since: Annotated[
        str | None,
        Parameter(help="Of the topic, only lines since this time: RFC 3339, or how long ago (30s, 15m, 2h, 7d, 1w)."),
    ] = None,
    json: Annotated[bool, Parameter(help="Print one JSON object a line.", negative="")] = False,
    config: ConfigFile = None,
) -> int:
    """Price old usage lines again by today's settings, and show the difference for each tenant and model.

    Each line is priced at the time its call began, so a price's dates hold. Sums are over the lines whose cost is known
    both times; `unknown` counts those that were billed without a known price, `still` those without one today.
    Nothing is changed and nothing is written. Exit code 0 when nothing differs, 1 when something does.
    """
    if file is None and not from_topic:
        raise SetupError("name a file of usage lines, or say --from-topic")
    settings = settings_of(config)
    prices = Prices(settings.providers)
    repricing = Repricing(prices.rates)
    take_usage(KnownUsage(file, from_topic, since), settings, repricing.add)
    groups = sorted(repricing.groups.items())
    if not groups:
        print("no usage lines", file=sys.stderr)  # noqa: T201 the command line speaks
        return 0
    if json:
        for group, sums in groups:
            sys.stdout.buffer.write(encode_json(_again_as_json(group, sums)) + b"\n")
    else:
        for line in lines(_AGAIN_HEAD, [_again_row(*one) for one in groups], aligned=sys.stdout.isatty()):
            print(line)  # noqa: T201 the command line speaks
    return 1 if any(sums.difference or sums.unknown_before != sums.unknown_now for _, sums in groups) else 0


def _again_row(group: Group, sums: Repriced) -> tuple[str, ...]:
    return (
        group.tenant,
        str(sums.lines),
        usd(sums.before),
        usd(sums.now),
        usd(sums.difference),
        str(sums.unknown_before),
        str(sums.unknown_now),
        f"{group.provider}/{group.model}",
    )


def _again_as_json(group: Group, sums: Repriced) -> dict[str, Any]:
    return {
        **group._asdict(),
        "lines": sums.lines,
        "billed_usd": digits(sums.before),
        "again_usd": digits(sums.now),
        "difference_usd": digits(sums.difference),
        "unknown_billed": sums.unknown_before,
        "unknown_again": sums.unknown_now,
    }
