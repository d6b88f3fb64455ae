"""What should become of a record, judged without the program's own decoder.

Python's JSON reader with strict rules, the published JSON Schema, and the rules that the documentation adds to it.
"""

import json
from datetime import UTC, datetime
from typing import Any

import jsonschema_rs

__all__ = ["Oracle"]

_MAX_BYTES = 512 * 1024
_MAX_MESSAGES = 1024
_MAX_OUTPUT_TOKENS = 32_768
_EXTRAS = {
    *("frequency_penalty", "logit_bias", "min_p", "parallel_tool_calls", "presence_penalty", "reasoning_effort"),
    *("repeat_penalty", "top_k", "verbosity"),
}
_INTEGERS = ("max_output_tokens", "max_tokens", "max_completion_tokens", "seed", "n")


class Oracle:
    """`schema` is that of a request, in both forms; `models` are those that have an answer and a price."""

    def __init__(self, schema: dict[str, Any], models: set[str]) -> None:
        self._schema = jsonschema_rs.validator_for(schema, validate_formats=True)
        self._models = models

    def fate(self, value: bytes | None, headers: tuple[tuple[str, bytes], ...]) -> str:
        """The status its result must have."""
        try:
            self._check_headers(headers)
            record = _strict_json(value)
            self._schema.validate(record)
            return self._check_rules(record)
        except (ValueError, RecursionError, jsonschema_rs.ValidationError):
            return "rejected"

    def _check_headers(self, headers: tuple[tuple[str, bytes], ...]) -> None:
        for name, content in headers:
            if name == "ce_type" and content != b"streamproc.request.v1":
                raise ValueError("another event")
            if name == "content-type" and b"json" not in content.lower():
                raise ValueError("another format")

    def _check_rules(self, record: dict[str, Any]) -> str:
        body = record.get("body", record)
        limit = body.get("max_output_tokens") or body.get("max_completion_tokens") or body.get("max_tokens") or 1
        answer = body.get("response_format") or {"type": "text"}
        stops = body.get("stop") if isinstance(body.get("stop"), str) else "x"
        moments = {name: _moment(body[name]) for name in ("deadline", "not_before") if body.get(name) is not None}
        rules = (
            not any(isinstance(body.get(name), float) for name in _INTEGERS),
            body["model"] in self._models,
            len(body["messages"]) <= _MAX_MESSAGES,
            limit <= _MAX_OUTPUT_TOKENS,
            (answer["type"] == "json_schema") == (answer.get("json_schema") is not None),
            1 <= len(stops) <= 256,
            (body.get("extra") or {}).keys() <= _EXTRAS,
            len(moments) < 2 or moments["not_before"] < moments["deadline"],
        )
        if not all(rules):
            raise ValueError("against a rule")
        return "expired" if "deadline" in moments and moments["deadline"] < datetime.now(UTC) else "completed"


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _strict_json(value: bytes | None) -> Any:
    if not value or len(value) > _MAX_BYTES:
        raise ValueError("no value, or too much of it")
    record = json.loads(value.decode("utf-8"), parse_constant=_no_constant, parse_float=_finite)
    json.dumps(record, ensure_ascii=False).encode("utf-8")  # fails for half a surrogate pair
    return record


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError("beyond a float")
    return number
