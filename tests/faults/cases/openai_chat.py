"""Chat Completions: the bytes of its answers."""

from typing import Any

import orjson

from streamproc.chain.provider import Text
from streamproc.errors import (
    ContentPolicy,
    IncompleteStream,
    TimedOut,
)
from streamproc.providers.openai_chat import OpenAIChat
from tests.faults.cases.api import Api
from tests.faults.cases.case import MISSING, Case
from tests.faults.cases.openai import ERRORS, PROBLEMS, USAGE, USAGES, problem, sse
from tests.faults.raw_provider import chunked

__all__ = ["OPENAI_CHAT"]


def _chunk(delta: Any, finish_reason: str | None = None, **fields: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return sse(orjson.dumps({"model": "m-1", "choices": [choice], "usage": None, **fields}))


def _token(text: str) -> bytes:
    return _chunk({"content": text})


def _last(usage: Any) -> tuple[bytes, bytes]:
    body = {"choices": []} if usage is MISSING else {"choices": [], "usage": usage}
    return sse(orjson.dumps(body)), sse(b"[DONE]")


def _whole(usage: Any, **changes: Any) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": "ab"}, "finish_reason": "stop"}
    body = {"model": "m-1", "choices": [choice], "usage": usage, **changes}
    return orjson.dumps({name: value for name, value in body.items() if value is not MISSING})


_FINISH = _chunk({}, "stop")
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"

OPENAI_CHAT = Api(
    name="openai_chat",
    dialect=OpenAIChat(),
    path="/chat/completions",
    model="m-1",
    frame=sse,
    begin=(_chunk({"role": "assistant", "content": ""}),),
    token=_token,
    usage=USAGE,
    ending=lambda usage: (_FINISH, *_last(usage)),
    no_end_mark=(_FINISH, _last(USAGE)[0]),
    no_reason=_last(USAGE),
    twice=(_FINISH, _FINISH, *_last(USAGE)),
    late=(_FINISH, _token("late"), *_last(USAGE)),
    pings={"comments": b": ping\n\n", "retry fields": b"retry: 3000\n\n", "empty events": b"event: ping\n\n"},
    unknown=(
        b"event: other\ndata: {}\n\n",
        sse(b'{"moderation":{}}'),
        sse(b'{"choices":[],"prompt_filter_results":[]}'),
        sse(b'{"choices":null}'),
        _chunk(None),
        _chunk({"audio": {"id": "x"}}),
    ),
    shapeless={
        "a number": b"17",
        "null": b"null",
        "a list": b"[]",
        "choices of a wrong kind": b'{"choices":{"0":1}}',
        "a choice of a wrong kind": b'{"choices":[1]}',
        "a delta of a wrong kind": b'{"choices":[{"delta":"x"}]}',
        "a content of a wrong kind": b'{"choices":[{"delta":{"content":1}}]}',
        "tool calls of a wrong kind": b'{"choices":[{"delta":{"tool_calls":[1]}}]}',
    },
    usages=USAGES,
    errors=ERRORS,
    whole=_whole,
    bad_wholes={
        "no finish reason": (_whole(USAGE, choices=[{"message": {"content": "a"}}]), IncompleteStream),
        "no choices": (_whole(USAGE, choices=[]), IncompleteStream),
        "an error object": (orjson.dumps(problem("m", code="content_filter")), ContentPolicy),
    },
    problem=problem,
    refusals=PROBLEMS,
    own={
        "empty deltas without end": Case(
            sends=(_HEAD, chunked(_token("a"))),
            drips=chunked(_chunk({})),
            within={"idle_seconds": 0.2},
            events=(Text("a"),),
            error=TimedOut,
            basis="estimated",
            status=200,
        ),
    },
)
