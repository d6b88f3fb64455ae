"""The tables of the documentation are complete and true: metrics, log events, topics, records, headers, error codes."""

import ast
import io
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, get_args

import pytest
from prometheus_client import CollectorRegistry
from pydantic import BaseModel

from streamproc.errors import CredentialFault, InvalidRequest, RunError, Transient
from streamproc.kafka.topics import TopicPlan, plan_topics
from streamproc.observe import events
from streamproc.observe.gauges import (
    BudgetState,
    CacheSizes,
    ConnectionState,
    FactorState,
    PartitionState,
    StandingState,
    WorkerState,
)
from streamproc.observe.logs import CallLog, LibraryLog, configure_logs
from streamproc.observe.metrics import Metrics
from streamproc.records.chunk import Chunk
from streamproc.records.codec import RequestDecoder, decode_chunk, decode_result, decode_usage, encode, encode_usage
from streamproc.records.dead_letter import HEADER_PREFIX, DeadLetter, Reference
from streamproc.records.deferral import Deferral
from streamproc.records.headers import event_headers
from streamproc.records.request import Request
from streamproc.records.result import Result
from streamproc.records.shapes import Billed, Written
from streamproc.records.usage import UsageLine
from streamproc.settings.budgets import BudgetSettings
from streamproc.settings.settings import Settings
from tests.unit.happenings import HAPPENINGS
from tests.unit.pages import OPERATIONS, RECORDS, ROOT, codes, examples, table

DECODER = RequestDecoder(max_bytes=10_000, max_messages=10, max_output_tokens=1000)


def test_the_happenings_here_are_all_there_are() -> None:
    """Otherwise a new one would escape the two tests below."""
    assert {type(one) for one in HAPPENINGS} == set(get_args(events.Happening))


def test_every_metric_is_in_the_table_and_no_other() -> None:
    """With its kind and its labels."""
    partition = PartitionState("t", 0, lag=0, window=0, ready=True, paused=False)
    registry = CollectorRegistry()
    budget = BudgetState("global", "day", "usd", 0.1, 0.2, 1.0, is_stopped=False)
    held = ConnectionState("p", 0, 0, 0, waits=1, waited_seconds=0.1, errors={"disconnected": 1})
    factor = FactorState("p", "m", "input", 120, 1.0)
    standing = StandingState("p", "main", "m", "open", running=1, allowed=2.5)
    sizes = CacheSizes(1, 1, 1)
    metrics = Metrics(
        registry, lambda: WorkerState(0, 0, 0, 0, 0, (partition,), (held,), (budget,), (factor,), (standing,), sizes)
    )
    for one in HAPPENINGS:
        metrics.saw(one)
    found = {}
    for family in registry.collect():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        found[name] = (family.type, {label for sample in family.samples for label in sample.labels} - {"le"})
    told = {codes(row[0])[0]: (row[1], set(codes(row[2]))) for row in table(OPERATIONS, "Metrics")}
    assert told == found


def test_every_log_event_is_in_the_table_and_no_other() -> None:
    """With its levels and its fields."""
    found = {**_written_by_observers(), **_written_by_the_lifecycle()}
    told = {
        codes(row[0])[0]: (set(row[1].split(", ")), set(codes(row[2])) - {"exception"})
        for row in table(OPERATIONS, "Logs")
    }
    assert told == found


def _written_by_observers() -> dict[str, tuple[set[str], set[str]]]:
    file = io.BytesIO()
    logger = configure_logs("debug", "json", file=file)
    log, library = CallLog(logger), LibraryLog(logger)
    for one in HAPPENINGS:
        log.saw(one)
    for number, level in enumerate((logging.WARNING, logging.ERROR)):
        library.emit(logging.LogRecord("aiokafka", level, "client.py", number, "gone", None, None))
    found: dict[str, tuple[set[str], set[str]]] = {}
    for line in map(json.loads, file.getvalue().splitlines()):
        levels, fields = found.setdefault(line.pop("event"), (set(), set()))
        levels.add(line["level"])
        fields |= line.keys() - {"timestamp", "level"}
    return found


def _written_by_the_lifecycle() -> dict[str, tuple[set[str], set[str]]]:
    """Its lines need a whole worker, so they are read from its code."""
    calls = (node for node in _calls("streamproc/lifecycle.py") if isinstance(node.func, ast.Attribute))
    return {
        call.args[0].value: ({call.func.attr}, {word.arg or "" for word in call.keywords})
        for call in calls
        if isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == "logger"
        if isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)
    }


def _calls(*patterns: str) -> Iterator[ast.Call]:
    for path in (path for pattern in patterns for path in ROOT.glob(pattern)):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield node


def test_nobody_else_writes_log_lines() -> None:
    """Otherwise their events would be missing above, or in the table of the billing job. The embedded broker's own are not a worker's."""
    writers = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "streamproc").rglob("*.py")
        if "embedded" not in path.parts
        if re.search(r"\b_?log(ger)?\.(debug|info|warning|error|exception)\(", path.read_text(encoding="utf-8"))
    }
    assert writers == {"streamproc/billing/log.py", "streamproc/lifecycle.py", "streamproc/observe/logs.py"}


def test_the_table_of_topics_is_what_create_makes() -> None:
    """Names and retention."""
    told = {codes(row[0])[0]: row[2] for row in table(RECORDS, "Topics")}
    planned = plan_topics(Settings(budgets=BudgetSettings(enabled=True)))
    assert told == {plan.name: _kept(plan) for plan in planned}


def _kept(plan: TopicPlan) -> str:
    if plan.is_compacted:
        return "the last word for each key"
    days = (plan.retention_ms or 0) // 86_400_000
    return f"{days} day" + "s" * (days > 1)


def test_the_tables_of_headers_are_complete() -> None:
    """Those of our records, and those of dead letters."""
    headers = [name for name, _ in event_headers("result", "id", "time", b"trace")]
    assert [codes(row[0])[0] for row in table(RECORDS, "Topics", 1)] == headers
    told = [codes(row[0])[0] for row in table(RECORDS, "Dead letter")]
    assert told == [HEADER_PREFIX + name for name in DeadLetter.model_fields]


@pytest.mark.parametrize(
    ("heading", "model"), [("Request", Request), ("Chunk", Chunk), ("Result", Result), ("Usage line", UsageLine)]
)
def test_the_table_of_a_record_has_its_fields(heading: str, model: type) -> None:
    """No more and no fewer; parts of our own records one by one."""
    assert {codes(row[0])[0] for row in table(RECORDS, heading)} == set(_fields(model))


def test_the_table_of_deferrals_has_its_fields() -> None:
    """Its usage lines have a table of their own."""
    assert [codes(row[0])[0] for row in table(RECORDS, "Deferred run")] == list(Deferral.model_fields)


def _fields(model: type) -> Iterator[str]:
    for name, annotation in _annotations(model).items():
        inner = _part(annotation)
        yield from [name] * (inner is None or name == "tool_calls")
        yield from (f"{name}.{key}" for key in (_annotations(inner) if inner else ()))


def _annotations(model: type) -> dict[str, Any]:
    """By the field's name in JSON."""
    if issubclass(model, BaseModel):
        return {field.alias or name: field.annotation for name, field in model.model_fields.items()}
    assert is_dataclass(model)
    return {field.name: field.type for field in fields(model)}


def _part(annotation: Any) -> type | None:
    """The record of ours inside an annotation such as `list[Part] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, Written | Billed):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _part(inner))), None)


def test_the_examples_are_records() -> None:
    """They are read, and written again they are the same bytes."""
    forms = (*examples(RECORDS, "Request"), *examples(RECORDS, "Parts of a message"))
    for value in (*forms, examples(RECORDS, "OpenAI Batch lines")[0]):
        DECODER.decode(value)
    for value in examples(RECORDS, "Chunk"):
        assert decode_chunk(value).model_dump(include=json.loads(value).keys()) == json.loads(value)
    for value in examples(RECORDS, "Result"):
        assert encode(decode_result(value)) == value
    for value in examples(RECORDS, "Usage line"):
        assert encode_usage(decode_usage(value)) == value
    (reference,) = examples(RECORDS, "Dead letter")
    assert encode(Reference.model_validate_json(reference)) == reference


def test_the_table_of_error_codes_is_complete() -> None:
    """Codes of refusals and of every error that is no class of others, with the status they end a run with."""
    named = _calls("streamproc/**/*.py")
    refusals = {
        word.value.value
        for call in named
        if isinstance(call.func, ast.Name) and call.func.id == "InvalidRequest"
        for word in call.keywords
        if word.arg == "code" and isinstance(word.value, ast.Constant)
    }
    for value in (b"no JSON", b"{}", b'{"request_id":"r","model":"m","messages":[{"role":"user","content":""}],"x":1}'):
        with pytest.raises(InvalidRequest) as refused:
            DECODER.decode(value)
        refusals.add(refused.value.code)
    found = dict.fromkeys(refusals, "`rejected`") | {"internal_error": "`failed` or `rejected`"}
    for error in _leaves(RunError):
        is_final = not issubclass(error, Transient | CredentialFault)
        found[error.code] = f"`{error.status}`" if is_final else "–"
    assert {codes(row[0])[0]: row[1] for row in table(RECORDS, "Error codes")} == found


def _leaves(error: type[RunError]) -> Iterator[type[RunError]]:
    for child in error.__subclasses__():
        yield from _leaves(child)
    if not error.__subclasses__() and error is not InvalidRequest:
        yield error
