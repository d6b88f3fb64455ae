"""Faults that only Responses can have: its errors in a stream, its statuses and its items."""

from functools import partial
from typing import Any

from streamproc.chain.provider import Completed, Text, ToolCallPart
from streamproc.errors import (
    BadRequest,
    ContentPolicy,
    ContextTooLong,
    IncompleteStream,
    MalformedStream,
    Overloaded,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    ServerFault,
    TimedOut,
)
from tests.faults.cases.api import USED
from tests.faults.cases.case import Case, Table
from tests.faults.cases.openai import problem
from tests.faults.cases.openai_responses_events import BEGIN, USAGE, body, ending, event, incomplete, token
from tests.faults.raw_provider import END, chunked

__all__ = ["ERRORS", "OWN"]

_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-request-id: req-7\r\ntransfer-encoding: chunked\r\n\r\n"
)
_FINAL = {
    "server_error": ServerFault,
    "rate_limit_exceeded": RateLimited,
    **dict.fromkeys(("invalid_prompt", "bio_policy", "image_content_policy_violation"), ContentPolicy),
    **dict.fromkeys(
        ("data_residency_mismatch", "vector_store_timeout", "invalid_image", "image_too_large", "invalid_image_url"),
        BadRequest,
    ),
}
ERRORS: dict[str, tuple[Any, type[ProviderError], str]] = {
    **{
        f"a failure of {code}": (
            {
                "type": "response.failed",
                "response": body("failed", None, error={"code": code, "message": "no"}, output=[]),
            },
            error,
            "no",
        )
        for code, error in _FINAL.items()
    },
    "a failure without an error": (
        {"type": "response.failed", "response": body("failed", None)},
        ServerFault,
        "without a message",
    ),
    "a response that failed and says completed": (
        {"type": "response.completed", "response": body("failed", error={"code": "server_error"})},
        ServerFault,
        "",
    ),
    "an error event": ({"type": "error", "code": "server_error", "message": "m", "param": None}, ServerFault, "m"),
    "a rate limit as error event": ({"type": "error", "code": "rate_limit_exceeded", "message": "m"}, RateLimited, "m"),
    "a quota as error event": ({"type": "error", "code": "insufficient_quota", "message": "m"}, QuotaExhausted, "m"),
    "an error event around an error object": (
        {"type": "error", **problem("m", type="invalid_request_error", code="context_length_exceeded")},
        ContextTooLong,
        "m",
    ),
    "an overload of a gateway": (problem("m", type="overloaded_error"), Overloaded, "m"),
    "an error as text": ({"error": "unexpected EOF"}, ServerFault, "unexpected EOF"),
}
"""Errors inside a stream, their class, and what the error says."""


def _own() -> Table:
    packets = (_HEAD, *map(chunked, (*BEGIN, token("a"))))
    cut = partial(Case, events=(Text("a"),), error=IncompleteStream, basis="estimated", status=200, request_id="req-7")
    call = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": ""}
    called = (
        event("response.output_item.added", output_index=1, item=call),
        event("response.function_call_arguments.delta", output_index=1, delta='{"a"'),
    )
    parts = (ToolCallPart(0, "c1", "f", ""), ToolCallPart(0, None, None, '{"a"'))
    ends = {
        "max_output_tokens": "length",
        "max_tokens": "length",
        "content_filter": "content_filter",
    }
    return {
        "pings that are events without end": Case(
            sends=packets,
            drips=chunked(event("keepalive")),
            within={"idle_seconds": 0.2},
            events=(Text("a"),),
            error=TimedOut,
            basis="estimated",
            status=200,
        ),
        **{
            f"incomplete for {told}": Case(
                sends=(*packets, chunked(event("response.incomplete", response=incomplete({"reason": told}))), END),
                events=(Text("a"), Completed(USED, reason, "m-1")),
                basis="provider",
            )
            for told, reason in ends.items()
        },
        **{
            f"incomplete with {name}": cut(
                sends=(*packets, chunked(event("response.incomplete", response=incomplete(details))), END)
            )
            for name, details in {
                "no details": None,
                "no reason": {},
                "an empty reason": {"reason": ""},
                "an unknown reason": {"reason": "something_new"},
            }.items()
        },
        "[DONE] in the place of the end mark": cut(sends=(*packets, chunked(b"data: [DONE]\n\n"), END)),
        "[DONE] behind the end mark": Case(
            sends=(*packets, *map(chunked, ending(USAGE)), chunked(b"data: [DONE]\n\n"), END),
            events=(Text("a"), Completed(USED, "stop", "m-1")),
            basis="provider",
        ),
        "the whole answer in its last event alone": Case(
            sends=(_HEAD, *map(chunked, (BEGIN[0], ending(USAGE)[-1])), END),
            events=(Text("ab"), Completed(USED, "stop", "m-1")),
            basis="provider",
        ),
        "cut inside a call of a function": cut(
            sends=(*packets, *map(chunked, called), END), events=(Text("a"), *parts)
        ),
        "arguments of a call that never began": cut(sends=(*packets, chunked(called[1])), error=MalformedStream),
        "a status that is not final, in the last event": cut(
            sends=(*packets, chunked(event("response.completed", response=body("in_progress"))), END)
        ),
    }


OWN = _own()
