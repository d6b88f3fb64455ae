"""Responses: the bytes of its answers."""

from functools import partial
from typing import Any

import orjson

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
from streamproc.providers.openai_responses import OpenAIResponses
from streamproc.records.usage import TokenCounts
from tests.faults.cases.api import USED, Api
from tests.faults.cases.case import MISSING, Case, Table
from tests.faults.cases.openai import PROBLEMS, problem
from tests.faults.raw_provider import END, chunked

__all__ = ["OPENAI_RESPONSES"]

_USAGE = {"input_tokens": 7, "output_tokens": 2, "total_tokens": 9}
_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-request-id: req-7\r\ntransfer-encoding: chunked\r\n\r\n"
)


def _named(payload: bytes) -> bytes:
    """A frame of any payload, under the name of a piece of text."""
    return b"event: response.output_text.delta\ndata: " + payload + b"\n\n"


def _event(kind: str, **fields: Any) -> bytes:
    payload = orjson.dumps({"type": kind, "sequence_number": 4, **fields})
    return b"event: " + kind.encode() + b"\ndata: " + payload + b"\n\n"


def _token(text: str) -> bytes:
    return _event(
        "response.output_text.delta", item_id="msg_1", output_index=0, content_index=0, delta=text, logprobs=[]
    )


def _message(*texts: str) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": []} for text in texts]
    return {"id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": content}


def _response(status: Any = "completed", usage: Any = _USAGE, **changes: Any) -> dict[str, Any]:
    body = {
        "id": "resp_1",
        "object": "response",
        "status": status,
        "error": None,
        "incomplete_details": None,
        "model": "m-1",
        "output": [_message("ab")],
        "usage": usage,
        **changes,
    }
    return {name: value for name, value in body.items() if value is not MISSING}


def _ending(usage: Any) -> tuple[bytes, ...]:
    return (*_ITEM_DONE, _event("response.completed", response=_response(usage=usage)))


_ITEM_DONE = (
    _event("response.output_text.done", item_id="msg_1", output_index=0, content_index=0, text="ab"),
    _event("response.content_part.done", output_index=0, part={"type": "output_text", "text": "ab"}),
    _event("response.output_item.done", output_index=0, item=_message("ab")),
)
_BEGIN = (
    _event("response.created", response=_response("in_progress", None, output=[])),
    _event("response.in_progress", response=_response("in_progress", None, output=[])),
    _event("response.output_item.added", output_index=0, item=_message()),
    _event("response.content_part.added", output_index=0, part={"type": "output_text", "text": ""}),
)

_FINAL = {
    **dict.fromkeys(("server_error",), ServerFault),
    **dict.fromkeys(("rate_limit_exceeded",), RateLimited),
    **dict.fromkeys(("invalid_prompt", "bio_policy", "image_content_policy_violation"), ContentPolicy),
    **dict.fromkeys(
        ("data_residency_mismatch", "vector_store_timeout", "invalid_image", "image_too_large", "invalid_image_url"),
        BadRequest,
    ),
}
_ERRORS: dict[str, tuple[Any, type[ProviderError], str]] = {
    **{
        f"a failure of {code}": (
            {
                "type": "response.failed",
                "response": _response("failed", None, error={"code": code, "message": "no"}, output=[]),
            },
            error,
            "no",
        )
        for code, error in _FINAL.items()
    },
    "a failure without an error": (
        {"type": "response.failed", "response": _response("failed", None)},
        ServerFault,
        "without a message",
    ),
    "a response that failed and says completed": (
        {"type": "response.completed", "response": _response("failed", error={"code": "server_error"})},
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


def _own() -> Table:
    token = (*_BEGIN, _token("a"))
    packets = (_HEAD, *map(chunked, token))
    cut = partial(Case, events=(Text("a"),), error=IncompleteStream, basis="estimated", status=200, request_id="req-7")
    call = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": ""}
    called = (
        _event("response.output_item.added", output_index=1, item=call),
        _event("response.function_call_arguments.delta", output_index=1, delta='{"a"'),
    )
    parts = (ToolCallPart(0, "c1", "f", ""), ToolCallPart(0, None, None, '{"a"'))
    ends = {
        "max_output_tokens": "length",
        "max_tokens": "length",
        "content_filter": "content_filter",
        "something_new": "something_new",
    }
    return {
        "pings that are events without end": Case(
            sends=packets,
            drips=chunked(_event("keepalive")),
            within={"idle_seconds": 0.2},
            events=(Text("a"),),
            error=TimedOut,
            basis="estimated",
            status=200,
        ),
        **{
            f"incomplete for {told}": Case(
                sends=(*packets, chunked(_event("response.incomplete", response=_incomplete({"reason": told}))), END),
                events=(Text("a"), Completed(USED, reason, "m-1")),
                basis="provider",
            )
            for told, reason in ends.items()
        },
        **{
            f"incomplete with {name}": cut(
                sends=(*packets, chunked(_event("response.incomplete", response=_incomplete(details))), END)
            )
            for name, details in {"no details": None, "no reason": {}, "an empty reason": {"reason": ""}}.items()
        },
        "[DONE] in the place of the end mark": cut(sends=(*packets, chunked(b"data: [DONE]\n\n"), END)),
        "[DONE] behind the end mark": Case(
            sends=(*packets, *map(chunked, _ending(_USAGE)), chunked(b"data: [DONE]\n\n"), END),
            events=(Text("a"), Completed(USED, "stop", "m-1")),
            basis="provider",
        ),
        "the whole answer in its last event alone": Case(
            sends=(_HEAD, *map(chunked, (_BEGIN[0], _ending(_USAGE)[-1])), END),
            events=(Text("ab"), Completed(USED, "stop", "m-1")),
            basis="provider",
        ),
        "cut inside a call of a function": cut(
            sends=(*packets, *map(chunked, called), END), events=(Text("a"), *parts)
        ),
        "arguments of a call that never began": cut(sends=(*packets, chunked(called[1])), error=MalformedStream),
        "a status that is not final, in the last event": cut(
            sends=(*packets, chunked(_event("response.completed", response=_response("in_progress"))), END)
        ),
    }


def _incomplete(details: Any) -> dict[str, Any]:
    return _response("incomplete", incomplete_details=details)


OPENAI_RESPONSES = Api(
    name="openai_responses",
    dialect=OpenAIResponses(),
    path="/responses",
    model="m-1",
    frame=_named,
    begin=_BEGIN,
    token=_token,
    usage=_USAGE,
    ending=_ending,
    no_end_mark=_ITEM_DONE,
    no_reason=(*_ITEM_DONE, _event("response.completed", response=_response(MISSING))),
    twice=(*_ITEM_DONE, *_ending(_USAGE)),
    late=(*_ITEM_DONE, _token("late"), _ending(_USAGE)[-1]),
    pings={"comments": b": ping\n\n", "retry fields": b"retry: 3000\n\n", "empty events": b"event: ping\n\n"},
    unknown=(
        b"event: other\ndata: {}\n\n",
        _event("keepalive"),
        _event("response.queued", response=_response("queued")),
        _event("response.web_search_call.searching", output_index=0, item_id="ws_1"),
        _event("response.output_text.annotation.added", annotation={}),
        _event("response.output_item.added", output_index=1, item={"type": "novelty"}),
        _event("response.output_item.done", output_index=1, item={"type": "novelty"}),
        _event("response.output_text.delta", delta=""),
        _event("response.output_text.delta", delta=None),
    ),
    shapeless={
        "a number": b"17",
        "null": b"null",
        "a list": b"[]",
        "a delta of a wrong kind": b'{"type":"response.output_text.delta","delta":1}',
        "a type of a wrong kind": b'{"type":["x"]}',
        "an end without a response": b'{"type":"response.completed"}',
        "a response of a wrong kind": b'{"type":"response.completed","response":[]}',
        "an item of a wrong kind": b'{"type":"response.output_item.added","item":7}',
        "a status of a wrong kind": b'{"type":"response.completed","response":{"status":1}}',
    },
    usages={
        "of a wrong kind": ("7", None),
        "without figures": ({"total_tokens": 9}, None),
        "with one figure": ({"input_tokens": 7}, TokenCounts(input=7)),
        "with figures of odd types": ({"input_tokens": "7", "output_tokens": 2.0}, None),
        "with figures that make no sense": ({"input_tokens": -1, "output_tokens": 10**18}, None),
        "by the names of Chat Completions": ({"prompt_tokens": 7, "completion_tokens": 2}, None),
        "with nulls for details": (
            {**_USAGE, "input_tokens_details": None, "output_tokens_details": []},
            TokenCounts(input=7, output=2),
        ),
        "with details": (
            {
                **_USAGE,
                "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 4},
                "output_tokens_details": {"reasoning_tokens": 1},
            },
            TokenCounts(input=7, output=2, cached_input=3, cache_write=4, reasoning=1),
        ),
    },
    errors=_ERRORS,
    whole=lambda usage: orjson.dumps(_response(usage=usage)),
    bad_wholes={
        "no status": (orjson.dumps(_response(MISSING)), IncompleteStream),
        "in progress": (orjson.dumps(_response("in_progress")), IncompleteStream),
        "queued": (orjson.dumps(_response("queued", None, output=[])), IncompleteStream),
        "cancelled": (orjson.dumps(_response("cancelled")), IncompleteStream),
        "incomplete without a reason": (orjson.dumps(_incomplete(None)), IncompleteStream),
        "failed": (
            orjson.dumps(_response("failed", None, error={"code": "rate_limit_exceeded", "message": "m"})),
            RateLimited,
        ),
        "failed without an error": (orjson.dumps(_response("failed", None)), ServerFault),
        "an error object": (orjson.dumps(problem("m", code="content_filter")), ContentPolicy),
        "output of a wrong kind": (orjson.dumps(_response(output=[1])), MalformedStream),
    },
    problem=problem,
    refusals=PROBLEMS,
    own=_own(),
)
