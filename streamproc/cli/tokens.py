"""`streamproc tokens`: what requests count, and the most that they can use and cost."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from cyclopts import Parameter

from streamproc.cli.counting import NOT_CONFIGURED, Knowledge, place_of, routes_note
from streamproc.cli.input_lines import name_of, read_bytes
from streamproc.cli.options import ConfigFile, settings_of
from streamproc.cli.requests_file import FileRequest, output_limit, read_requests
from streamproc.cli.table import lines
from streamproc.cli.usage_source import KnownUsage, take_usage
from streamproc.errors import InvalidRequest, SetupError
from streamproc.money.bound import upper_bound_nanos
from streamproc.money.dollars import digits, usd
from streamproc.providers.resolved import Resolved
from streamproc.records.codec import encode_json
from streamproc.records.request import Request
from streamproc.settings.settings import Settings

__all__ = ["tokens"]

_HEAD = ("REQUEST", "TOKENS", "MOST INPUT", "MOST OUTPUT", "MOST COST", "COUNTED BY")
_NO_USAGE = KnownUsage()


@dataclass(frozen=True, slots=True)
class _Counted:
    """A request's figures; None is not known."""

    request_id: str
    place: Resolved
    tokens: int | None
    is_exact: bool
    most_input: int | None
    most_output: int
    most_nanos: int | None
    counted_by: str


def tokens(
    file: Annotated[
        str, Parameter(help="JSONL file with one request a line, or - for standard input.", allow_leading_hyphen=True)
    ],
    *,
    model: Annotated[str | None, Parameter(help="Count for this model. Default: each request's own.")] = None,
    text: Annotated[bool, Parameter(help="The file is one plain text, not JSON lines.", negative="")] = False,
    learn: KnownUsage = _NO_USAGE,
    json: Annotated[bool, Parameter(help="Print one JSON object a line.", negative="")] = False,
    config: ConfigFile = None,
) -> int:
    """Count the tokens of requests, and say the most that each can use and cost.

    Nobody is called. `most input` is the bound that workers reserve by: the bytes of the request and an allowance,
    whatever was counted. Counts are exact for texts of OpenAI's own models; others are estimated by a factor, which is
    learned from usage lines of the same requests where they are given, and then told with its error. A model that is
    not in the settings is counted as its name says, and has no price. Exit code 0, or 2 when lines are wrong.
    """
    settings = settings_of(config)
    requests = [_whole(file, model)] if text else read_requests(file, settings)
    knowledge = Knowledge(settings, requests)
    take_usage(learn, settings, knowledge.take)
    counted = [_count(settings, knowledge, one, model or one.request.model) for one in requests]
    if json:
        for one in counted:
            sys.stdout.buffer.write(encode_json(_as_json(one)) + b"\n")
    else:
        rows = [_row(one) for one in counted]
        for line in lines(_HEAD, [*rows, _total(counted)], aligned=sys.stdout.isatty()):
            print(line)  # noqa: T201 the command line speaks
    unknown = dict.fromkeys(one.place.model for one in counted if one.place.provider == NOT_CONFIGURED)
    if unknown:
        print(  # noqa: T201 the same
            f"not in the settings, so counted as the name says and without a price: {', '.join(unknown)}",
            file=sys.stderr,
        )
    note = routes_note(settings, dict.fromkeys(model or one.request.model for one in requests))
    if note is not None:
        print(note, file=sys.stderr)  # noqa: T201 the same
    return 0


def _whole(file: str, model: str | None) -> FileRequest:
    if model is None:
        raise SetupError("--text needs --model: a plain text names none")
    content = read_bytes(file)
    try:
        text = content.decode()
    except UnicodeDecodeError as exc:
        raise SetupError(f"{name_of(file)} is no UTF-8 text: byte {exc.start} is wrong") from exc
    return FileRequest(Request(request_id="text", model=model, text=text), len(content))


def _count(settings: Settings, knowledge: Knowledge, one: FileRequest, model: str) -> _Counted:
    try:
        place = place_of(settings, model)
    except InvalidRequest:
        place = Resolved(NOT_CONFIGURED, model)
    measure, request = knowledge.measure(place.provider), one.request
    limit = output_limit(request, settings)
    most = measure.most(request, place.model, prompt_bytes=one.size_bytes, max_output_tokens=limit)
    rates = knowledge.rates(place)
    return _Counted(
        request.request_id,
        place,
        measure.estimated_input(request, place.model),
        measure.is_exact(request, place.model),
        most.input,
        most.output,
        None if rates is None else upper_bound_nanos(rates, most),
        knowledge.counted_by(place),
    )


def _row(one: _Counted) -> tuple[str, ...]:
    return (
        one.request_id,
        _number(one.tokens),
        _number(one.most_input),
        str(one.most_output),
        usd(one.most_nanos),
        one.counted_by,
    )


def _total(counted: Sequence[_Counted]) -> tuple[str, ...]:
    return (
        "total",
        _number(_sum([one.tokens for one in counted])),
        _number(_sum([one.most_input for one in counted])),
        str(sum(one.most_output for one in counted)),
        usd(_sum([one.most_nanos for one in counted])),
        f"{len(counted)} requests",
    )


def _sum(figures: Sequence[int | None]) -> int | None:
    known = [figure for figure in figures if figure is not None]
    return sum(known) if len(known) == len(figures) else None


def _number(figure: int | None) -> str:
    return "unknown" if figure is None else str(figure)


def _as_json(one: _Counted) -> dict[str, Any]:
    return {
        "request_id": one.request_id,
        "provider": one.place.provider or None,
        "model": one.place.model,
        "tokens": one.tokens,
        "is_exact": one.is_exact,
        "counted_by": one.counted_by,
        "most_input": one.most_input,
        "most_output": one.most_output,
        "most_usd": None if one.most_nanos is None else digits(one.most_nanos),
    }
