"""Anthropic's Messages: the bytes of its answers."""

from typing import Any

import orjson

from streamproc.errors import (
    BadRequest,
    ContextTooLong,
    CredentialRefused,
    IncompleteStream,
    Overloaded,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    ServerFault,
)
from streamproc.providers.anthropic import Anthropic
from streamproc.records.usage import TokenCounts
from tests.faults.cases.anthropic_own import own
from tests.faults.cases.api import Api
from tests.faults.cases.case import MISSING

__all__ = ["ANTHROPIC"]

_USAGE = {"input_tokens": 7, "output_tokens": 2}


def _frame(payload: bytes, name: bytes = b"message") -> bytes:
    return b"event: " + name + b"\ndata: " + payload + b"\n\n"


def _event(kind: str, **fields: Any) -> bytes:
    return _frame(orjson.dumps({"type": kind, **fields}), kind.encode())


def _piece(**delta: Any) -> bytes:
    return _event("content_block_delta", index=0, delta=delta)


def _token(text: str) -> bytes:
    return _piece(type="text_delta", text=text)


def _finish(usage: Any, stop_reason: str | None = "end_turn") -> bytes:
    told = {} if usage is MISSING else {"usage": usage}
    return _event("message_delta", delta={"stop_reason": stop_reason, "stop_sequence": None}, **told)


def _whole(usage: Any, **changes: Any) -> bytes:
    content = [{"type": "text", "text": "ab"}]
    body = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m-1",
        "content": content,
        "stop_reason": "end_turn",
        "usage": usage,
        **changes,
    }
    return orjson.dumps({name: value for name, value in body.items() if value is not MISSING})


def _problem(message: str, **fields: Any) -> dict[str, Any]:
    return {"type": "error", "error": {"type": "api_error", "message": message, **fields}, "request_id": "req-body"}


_BEGIN = _event(
    "message_start",
    message={
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m-1",
        "content": [],
        "stop_reason": None,
        "usage": {"output_tokens": 1},
    },
)
_BLOCK = _event("content_block_start", index=0, content_block={"type": "text", "text": ""})
_BLOCK_END = _event("content_block_stop", index=0)
_STOP = _event("message_stop")

_ROWS: dict[str, tuple[int, Any, type[ProviderError]]] = {
    "invalid_request_error": (400, _problem("m", type="invalid_request_error"), BadRequest),
    "spend limit of one's own": (
        400,
        _problem(
            "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.",
            type="invalid_request_error",
        ),
        QuotaExhausted,
    ),
    "credit that is used up": (
        400,
        _problem("Your credit balance is too low to access the Anthropic API.", type="invalid_request_error"),
        QuotaExhausted,
    ),
    "that echoes a spend limit": (
        400,
        _problem("messages.0: 'Your credit balance is too low' is no text", type="invalid_request_error"),
        BadRequest,
    ),
    "authentication_error": (401, _problem("m", type="authentication_error"), CredentialRefused),
    "billing_error": (402, _problem("m", type="billing_error"), QuotaExhausted),
    "permission_error": (403, _problem("m", type="permission_error"), CredentialRefused),
    "not_found_error": (404, _problem("m", type="not_found_error"), BadRequest),
    "conflict_error": (409, _problem("m", type="conflict_error"), ServerFault),
    "request_too_large": (413, _problem("m", type="request_too_large"), BadRequest),
    "request_too_large by a proxy": (413, b"<html>", BadRequest),
    "rate_limit_error": (429, _problem("m", type="rate_limit_error"), RateLimited),
    "spend limit that is enforced": (
        429,
        _problem("m", type="rate_limit_error", details={"error_code": "enforced_spend_limit_reached"}),
        QuotaExhausted,
    ),
    "spend limit in words": (
        429,
        _problem("This request would exceed your account's monthly spend limit.", type="rate_limit_error"),
        QuotaExhausted,
    ),
    "api_error": (500, _problem("m"), ServerFault),
    "timeout_error": (504, _problem("m", type="timeout_error"), ServerFault),
    "overloaded_error": (529, _problem("m", type="overloaded_error"), Overloaded),
    "prompt is too long": (
        400,
        _problem("prompt is too long: 200082 tokens > 200000 maximum", type="invalid_request_error"),
        ContextTooLong,
    ),
    "prompt and answer are too long": (
        400,
        _problem("input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000"),
        ContextTooLong,
    ),
}

ANTHROPIC = Api(
    name="anthropic",
    dialect=Anthropic(),
    prefix="",
    path="/v1/messages",
    id_header=b"request-id",
    model="m-1",
    frame=_frame,
    begin=(_BEGIN, _BLOCK),
    token=_token,
    usage=_USAGE,
    ending=lambda usage: (_BLOCK_END, _finish(usage), _STOP),
    no_end_mark=(_BLOCK_END, _finish(_USAGE)),
    no_reason=(_BLOCK_END, _finish(_USAGE, None), _STOP),
    twice=(_BLOCK_END, _finish({"output_tokens": 1}), _finish(_USAGE), _STOP),
    late=(_finish(_USAGE), _token("late"), _BLOCK_END, _STOP),
    pings={
        "comments": b": ping\n\n",
        "retry fields": b"retry: 3000\n\n",
        "ping events": b'event: ping\ndata: {"type": "ping"}\n\n',
    },
    unknown=(
        _event("other", index=[1]),
        _frame(b'{"type":"other","delta":17}'),
        _event("content_block_start", index=3, content_block={"type": "server_tool_use", "id": "s", "input": {}}),
        _event("content_block_delta", index=3, delta={"type": "input_json_delta", "partial_json": "{}"}),
        _event("content_block_stop", index=3),
        _piece(type="citations_delta", citation={"type": "char_location"}),
        _piece(type="other_delta", text="x"),
        _piece(type="text_delta", text=""),
    ),
    shapeless={
        "a number": b"17",
        "null": b"null",
        "a list": b"[]",
        "an object without a type": b"{}",
        "a type of a wrong kind": b'{"type":17}',
        "a piece without a delta": b'{"type":"content_block_delta","index":0}',
        "a delta of a wrong kind": b'{"type":"content_block_delta","index":0,"delta":"x"}',
        "a text of a wrong kind": b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":1}}',
        "a piece of a block that never began": (
            b'{"type":"content_block_delta","index":9,"delta":{"type":"input_json_delta","partial_json":"x"}}'
        ),
        "an index of a wrong kind": b'{"type":"content_block_start","index":[],"content_block":{"type":"text"}}',
        "a block of a wrong kind": b'{"type":"content_block_start","index":1,"content_block":"text"}',
        "a message of a wrong kind": b'{"type":"message_start","message":[]}',
        "an end without a delta": b'{"type":"message_delta","usage":{}}',
        "a stop reason of a wrong kind": b'{"type":"message_delta","delta":{"stop_reason":{}}}',
    },
    usages={
        "of a wrong kind": ("7", None),
        "without figures": ({"service_tier": 5}, None),
        "with one figure": ({"output_tokens": 2}, TokenCounts(output=2)),
        "with figures of odd types": ({"input_tokens": "7", "output_tokens": 2.0}, None),
        "with figures that make no sense": ({"input_tokens": -1, "output_tokens": 10**18}, None),
        "with a cache figure that makes no sense": (
            {**_USAGE, "cache_read_input_tokens": "3"},
            TokenCounts(output=2),
        ),
        "with nulls for details": (
            {**_USAGE, "cache_creation": None, "server_tool_use": [], "output_tokens_details": 3},
            TokenCounts(input=7, output=2),
        ),
        "with details": (
            {
                "input_tokens": 1,
                "output_tokens": 2,
                "cache_creation_input_tokens": 4,
                "cache_read_input_tokens": 2,
                "cache_creation": {"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 3},
                "output_tokens_details": {"thinking_tokens": 1},
                "server_tool_use": {"web_search_requests": 5, "web_fetch_requests": 6},
            },
            TokenCounts(
                input=7, output=2, cached_input=2, cache_write=4, cache_write_1h=3, reasoning=1, web_searches=5
            ),
        ),
    },
    errors={
        "an overload": (_problem("x", type="overloaded_error"), Overloaded, "x"),
        "a server error": (_problem("boom"), ServerFault, "boom"),
        "a timeout": (_problem("x", type="timeout_error"), ServerFault, "x"),
        "a rate limit": (_problem("x", type="rate_limit_error"), RateLimited, "x"),
        "a used-up quota": (_problem("x", type="billing_error"), QuotaExhausted, "x"),
        "a wrong key": (_problem("x", type="authentication_error"), CredentialRefused, "x"),
        "an invalid request": (_problem("x", type="invalid_request_error"), BadRequest, "x"),
        "a context error": (_problem("prompt is too long: 9 tokens > 8 maximum"), ContextTooLong, "too long"),
        "a request that is too large": (_problem("x", type="request_too_large"), BadRequest, "x"),
        "an error of a proxy": ({"error": {"message": "x", "code": "529"}}, Overloaded, "x"),
        "an error as text": ({"type": "error", "error": "unexpected EOF"}, ServerFault, "unexpected EOF"),
        "an error without anything": ({"type": "error"}, ServerFault, "without a message"),
    },
    whole=_whole,
    bad_wholes={
        "no stop reason": (_whole(_USAGE, stop_reason=None), IncompleteStream),
        "an error object": (orjson.dumps(_problem("m", type="overloaded_error")), Overloaded),
        "an error without a type": (orjson.dumps({"error": {"message": "m"}}), ServerFault),
    },
    problem=_problem,
    refusals=_ROWS,
    own=own(_event),
)
