"""`streamproc estimate`: what the requests of a file would cost as a service, before anything is built."""

import csv
import sys
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from streamproc.cli.counting import Knowledge, routes_note
from streamproc.cli.estimate_options import LoadOptions, load_of, output_tokens_of
from streamproc.cli.estimate_plan import Plan, Planner
from streamproc.cli.options import ConfigFile, settings_of
from streamproc.cli.requests_file import read_requests
from streamproc.cli.table import lines
from streamproc.cli.usage_source import KnownUsage, take_usage
from streamproc.errors import SetupError
from streamproc.money.dollars import digits, usd
from streamproc.records.codec import encode_json

__all__ = ["estimate"]

_MONEY = ("mean", "p50", "p95", "worst", "day", "month", "scaled")
_HEAD = ("PLAN", "REQUESTS", "INPUT", "OUTPUT", *(name.upper() for name in _MONEY), "MODEL")
_NO_USAGE = KnownUsage()


def estimate(
    file: Annotated[
        str, Parameter(help="JSONL file with one request a line, or - for standard input.", allow_leading_hyphen=True)
    ],
    *,
    load: LoadOptions,
    model: Annotated[
        tuple[str, ...], Parameter(help="Only this model of the settings. May be repeated; default: all.", negative=())
    ] = (),
    output_tokens: Annotated[
        str,
        Parameter(help="Length of answers: a number, mean (of usage lines), or max (each request's own limit)."),
    ] = "max",
    learn: KnownUsage = _NO_USAGE,
    format: Annotated[  # noqa: A002 the option's name
        Literal["table", "csv", "json"], Parameter(help="How it is printed.")
    ] = "table",
    config: ConfigFile = None,
) -> int:
    """Say what the requests of a file would cost as a service: by request, day, month, and at scale.

    First as they are written, for each model they name; then all of them on each model of the settings, and the
    cheapest one that can answer them all, as far as `facts` of the settings say. Prompts are counted from the file;
    `mean`, `p50` and `p95` are of a request that is called, at the price of the tier it asks for; `worst` is the
    dearest upper bound, and what all requests together can cost at most is said below. Requests that a cache answers
    cost nothing. A month has 30 days. Nobody is called. Exit code 0, or 1 when a cost of the file as it is written, or
    of a model that was named, is not known; it is then `unknown`.
    """
    settings = settings_of(config)
    if not settings.providers:
        raise SetupError("no provider in the settings; add one under [providers.NAME]")
    requests = read_requests(file, settings)
    knowledge = Knowledge(settings, requests)
    take_usage(learn, settings, knowledge.take)
    planner = Planner(settings, knowledge, requests, load_of(load), output_tokens_of(output_tokens))
    plans = [*planner.as_written(), *planner.on_one_model(model)]
    _print(plans, format)
    routes = routes_note(settings, dict.fromkeys((*(one.request.model for one in requests), *model)))
    for sentence in (*_notes(plans), *filter(None, (routes,)), *_most(plans), _cheapest(plans)):
        print(sentence, file=sys.stderr)  # noqa: T201 the command line speaks
    return 1 if any(plan.figures.unknown and (model or plan.kind == "as written") for plan in plans) else 0


def _print(plans: Sequence[Plan], form: str) -> None:
    if form == "json":
        for plan in plans:
            sys.stdout.buffer.write(encode_json(_fields(plan)) + b"\n")
    elif form == "csv":
        rows = [_fields(plan) for plan in plans]
        writer = csv.DictWriter(sys.stdout, rows[0], lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow(row | {"problems": "; ".join(row["problems"]), "unsaid": " ".join(row["unsaid"])})
    else:
        for line in lines(_HEAD, [_row(plan) for plan in plans], aligned=sys.stdout.isatty()):
            print(line)  # noqa: T201 the command line speaks


def _row(plan: Plan) -> tuple[str, ...]:
    found = plan.figures
    tokens = "unknown" if found.input is None else str(found.input)
    money = (usd(getattr(found, name)) for name in _MONEY)
    cannot = "" if not plan.problems else " (cannot answer all)"
    return plan.kind, str(found.requests), tokens, str(found.output), *money, plan.name + cannot


def _fields(plan: Plan) -> dict[str, Any]:
    found = plan.figures
    money = {f"{name}_usd": _digits(getattr(found, name)) for name in (*_MONEY, "all_worst")}
    return {
        "plan": plan.kind,
        "provider": plan.place.provider or None if plan.place else None,
        "model": plan.place.model if plan.place else None,
        "requests": found.requests,
        "unknown": found.unknown,
        "input_tokens": found.input,
        "output_tokens": found.output,
        **money,
        "problems": list(plan.problems),
        "unsaid": sorted(plan.unsaid),
    }


def _digits(nanos: int | None) -> str | None:
    return None if nanos is None else digits(nanos)


def _notes(plans: Sequence[Plan]) -> list[str]:
    """What is not known or not possible, once for each model."""
    notes: dict[str, None] = {}
    for plan in plans:
        if plan.place is None:
            continue
        for problem, number in plan.problems.items():
            notes[f"{plan.name} cannot answer {number} of {plan.figures.requests} requests: {problem}"] = None
        if plan.figures.unknown and plan.place.provider:
            notes[
                f"{plan.name} has no known price for {plan.figures.unknown} of {plan.figures.requests} requests; set"
                f" providers.{plan.place.provider}.prices"
            ] = None
    return list(notes)


def _most(plans: Sequence[Plan]) -> list[str]:
    """What a budget needs to let all of them through: the last plan of the file as it is written is the whole."""
    *_, whole = (plan.figures for plan in plans if plan.kind == "as written")
    if whole.all_worst is None:
        return []
    return [f"all {whole.requests} requests, each made once: at most {usd(whole.all_worst)}"]


def _cheapest(plans: Sequence[Plan]) -> str:
    able = [
        (plan.figures.month, plan)
        for plan in plans
        if plan.kind == "on one model" and not plan.problems and plan.figures.month is not None
    ]
    if not able:
        return "no model of the settings with a known price can answer all requests"
    month, best = min(able, key=lambda pair: pair[0])
    guess = f"; not said in its facts: {', '.join(sorted(best.unsaid))}" if best.unsaid else ""
    return f"cheapest that can answer all: {best.name}, {usd(month)} a month{guess}"
