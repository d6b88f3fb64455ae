"""Ollama's own API: the bytes of its answers, from chat and from generate."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from streamproc.chain.provider import Completed, Event, Reasoning, Text, ToolCallPart
from streamproc.errors import (
    BadRequest,
    ContextTooLong,
    CredentialRefused,
    IncompleteStream,
    Overloaded,
    ProviderError,
    RateLimited,
    ServerFault,
    TimedOut,
)
from streamproc.providers.ollama import Ollama
from streamproc.records.usage import TokenCounts
from tests.faults.cases.api import USED, Api
from tests.faults.cases.case import MISSING, Case, Table
from tests.faults.raw_provider import END, chunked

__all__ = ["OLLAMA_CHAT", "OLLAMA_GENERATE"]

_USAGE = {"prompt_eval_count": 7, "eval_count": 2}
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n"


def _frame(payload: bytes) -> bytes:
    return payload + b"\n"


def _line(**fields: Any) -> bytes:
    return _frame(orjson.dumps({"model": "m-1", "created_at": "2026-11-21T12:00:00.123456789Z", **fields}))


def _figures(usage: Any) -> dict[str, Any]:
    if usage is MISSING:
        return {}
    return usage if isinstance(usage, dict) else dict.fromkeys(_USAGE, usage)


def _last(usage: Any, **fields: Any) -> bytes:
    told = {"done": True, "done_reason": "stop", "total_duration": 174560334, **_figures(usage), **fields}
    return _line(**{name: value for name, value in told.items() if value is not MISSING})


def _problem(message: str, **_: Any) -> dict[str, Any]:
    return {"error": message}


_ROWS: dict[str, tuple[int, Any, type[ProviderError]]] = {
    "unknown model": (404, _problem("model 'm' not found"), BadRequest),
    "model without the ability": (400, _problem('"m" does not support thinking'), BadRequest),
    "full queue": (503, _problem("server busy, please try again.  maximum pending requests exceeded"), Overloaded),
    "cancelled": (499, _problem("request canceled"), ServerFault),
    "cloud model's limit": (429, _problem("you have reached your hourly usage limit"), RateLimited),
    "cloud model out of reach": (502, _problem("Bad Gateway"), ServerFault),
    "not signed in": (401, {"error": "unauthorized", "signin_url": "https://ollama.com/connect"}, CredentialRefused),
    "cloud that is turned off": (403, _problem("ollama cloud is disabled"), CredentialRefused),
    "model that was lost": (500, _problem("model runner has unexpectedly stopped"), ServerFault),
    "input length": (400, _problem("the input length exceeds the context length"), ContextTooLong),
    "prompt that is longer than the context": (
        400,
        _problem("the prompt is longer than the context length currently available to the model; shorten the prompt"),
        ContextTooLong,
    ),
    "context of the runner": (
        400,
        _problem("request (1200 tokens) exceeds the available context size (1024 tokens), try increasing it"),
        ContextTooLong,
    ),
}


def _api(
    name: str,
    path: str,
    asks: Mapping[str, Any],
    piece: Callable[..., dict[str, Any]],
    shapeless: Mapping[str, bytes],
) -> Api:
    """One of the two, that differ in where a line says its piece: `piece` gives its fields by text or by others."""

    def token(text: str) -> bytes:
        return _line(**piece(text), done=False)

    def whole(usage: Any, **changes: Any) -> bytes:
        return _last(usage, **piece("ab"), **changes)[:-1]

    return Api(
        name=name,
        dialect=Ollama(lambda _: 8192),
        prefix="",
        path=path,
        asks=asks,
        id_header=None,
        model="m-1",
        frame=_frame,
        token=token,
        usage=_USAGE,
        ending=lambda usage: (_last(usage, **piece("")),),
        no_end_mark=(_line(**piece(""), done=False, done_reason="stop"),),
        no_reason=(_last(_USAGE, done_reason=MISSING),),
        pings={"blank lines": b"\n", "lines of white space": b" \t\r\n"},
        unknown=(
            b"{}\n",
            _line(done=False),
            _line(**piece(""), done=False, logprobs=[{"token": "a"}]),
            _line(status="loading"),
            _line(done=1),
            _line(done="true"),
        ),
        shapeless={"a number": b"17", "null": b"null", "a list": b"[]", "a text": b'"a"', **shapeless},
        usages={
            "of a wrong kind": ("7", None),
            "without the prompt's figure": ({"eval_count": 2}, TokenCounts(output=2)),
            "without the answer's figure": ({"prompt_eval_count": 7}, TokenCounts(input=7)),
            "with figures of odd types": ({"prompt_eval_count": 7.0, "eval_count": True}, None),
            "with figures that make no sense": ({"prompt_eval_count": -1, "eval_count": 10**18}, None),
            "with durations of a wrong kind": ({**_USAGE, "total_duration": "x"}, USED),
        },
        errors={
            "a model that was lost": (_problem("unexpected EOF"), ServerFault, "unexpected EOF"),
            "an error as object": ({"error": {"message": "boom"}}, ServerFault, "boom"),
            "an error with a status": ({"error": {"message": "x", "code": 503}}, Overloaded, "x"),
            "a context error": (_problem("the input length exceeds the context length"), ContextTooLong, "context"),
            "an error in a line that is done": (
                {"error": "boom", "done": True, "done_reason": "stop"},
                ServerFault,
                "boom",
            ),
        },
        whole=whole,
        bad_wholes={
            "no done reason": (whole(_USAGE, done_reason=MISSING), IncompleteStream),
            "an empty done reason": (whole(_USAGE, done_reason=""), IncompleteStream),
            "not done": (whole(_USAGE, done=False), IncompleteStream),
            "an error": (orjson.dumps(_problem("boom")), ServerFault),
        },
        problem=_problem,
        refusals=_ROWS,
        own=_own(token, piece),
    )


def _own(token: Callable[[str], bytes], piece: Callable[..., dict[str, Any]]) -> Table:
    def good(*lines: bytes, events: tuple[Event, ...], reason: str = "stop") -> Case:
        return Case(
            sends=(_HEAD, *map(chunked, lines), END),
            events=(*events, Completed(USED, reason, "m-1")),
            basis="provider",
        )

    calls = [
        {"function": {"index": 0, "name": "f", "arguments": {"x": 1}}},
        {"id": "c2", "function": {"name": "g", "arguments": None}},
    ]
    return {
        "a connection to the model that was lost": Case(
            sends=(_HEAD, chunked(token("a")), chunked(_last(_USAGE, **piece(""), done_reason="")), END),
            events=(Text("a"),),
            error=IncompleteStream,
            says="done_reason",
            basis="estimated",
            status=200,
        ),
        "a last line without its end": Case(
            sends=(_HEAD, chunked(token("a")), chunked(_last(_USAGE, **piece(""))[:-1]), END),
            events=(Text("a"),),
            error=IncompleteStream,
            basis="estimated",
            status=200,
        ),
        "the last piece in the last line": good(token("a"), _last(_USAGE, **piece("b")), events=(Text("a"), Text("b"))),
        "the answer's limit": good(_last(_USAGE, **piece("a"), done_reason="length"), events=(Text("a"),),
                                   reason="length"),
        "a reason that nobody knows": Case(
            sends=(_HEAD, chunked(token("a")), chunked(_last(_USAGE, **piece(""), done_reason="evicted")), END),
            events=(Text("a"),),
            error=IncompleteStream,
            says="'evicted' may be a cut",
            basis="estimated",
            status=200,
        ),
        "a model that was loaded and not asked": good(_last(_USAGE, done_reason="load"), events=(), reason="load"),
        "thinking": good(
            _line(**piece("", thinking="hm"), done=False),
            token("a"),
            _last(_USAGE, **piece("")),
            events=(Reasoning("hm"), Text("a")),
        ),
        "tool calls": good(
            _line(**piece("", tool_calls=calls), done=False),
            _line(**piece("", tool_calls=[{"function": {"name": "h", "arguments": "{}"}}]), done=False),
            _last(_USAGE, **piece("")),
            events=(
                ToolCallPart(0, None, "f", '{"x":1}'),
                ToolCallPart(1, "c2", "g", "{}"),
                ToolCallPart(2, None, "h", "{}"),
            ),
            reason="tool_calls",
        ),
        "lines that end as on Windows": good(
            token("a").replace(b"\n", b"\r\n"), _last(_USAGE).replace(b"\n", b"\r\n"), events=(Text("a"),)
        ),
        "empty pieces without end": Case(
            sends=(_HEAD, chunked(token("a"))),
            drips=chunked(token("")),
            within={"idle_seconds": 0.2},
            events=(Text("a"),),
            error=TimedOut,
            basis="estimated",
            status=200,
        ),
    }  # fmt: skip


OLLAMA_CHAT = _api(
    "ollama chat",
    "/api/chat",
    {},
    lambda text, **fields: {"message": {"role": "assistant", "content": text, **fields}},
    {
        "a message of a wrong kind": b'{"message":"a"}',
        "a content of a wrong kind": b'{"message":{"content":1}}',
        "thinking of a wrong kind": b'{"message":{"thinking":["a"]}}',
        "tool calls of a wrong kind": b'{"message":{"tool_calls":[1]}}',
        "tool calls without functions": b'{"message":{"tool_calls":[{}]}}',
        "a done reason of a wrong kind": b'{"done":true,"done_reason":17}',
    },
)

OLLAMA_GENERATE = _api(
    "ollama generate",
    "/api/generate",
    {"text": "say it"},
    lambda text, **fields: {"response": text, **fields},
    {
        "a response of a wrong kind": b'{"response":1}',
        "tool calls of a wrong kind": b'{"tool_calls":[1]}',
        "a done reason of a wrong kind": b'{"done":true,"done_reason":17}',
    },
)
