"""Text completions: the bytes of their answers."""

from typing import Any

import orjson

from streamproc.errors import ContentPolicy, IncompleteStream
from streamproc.providers.openai_completions import OpenAICompletions
from tests.faults.cases.api import Api
from tests.faults.cases.case import MISSING
from tests.faults.cases.openai import ERRORS, PROBLEMS, USAGE, USAGES, problem, sse

__all__ = ["OPENAI_COMPLETIONS"]


def _chunk(text: Any, finish_reason: str | None = None) -> bytes:
    choice = {"text": text, "index": 0, "logprobs": None, "finish_reason": finish_reason}
    return sse(orjson.dumps({"object": "text_completion", "choices": [choice], "model": "m-1", "usage": None}))


def _last(usage: Any) -> tuple[bytes, bytes]:
    body = {"choices": []} if usage is MISSING else {"choices": [], "usage": usage}
    return sse(orjson.dumps(body)), sse(b"[DONE]")


def _whole(usage: Any, **changes: Any) -> bytes:
    choice = {"text": "ab", "index": 0, "logprobs": None, "finish_reason": "stop"}
    body = {"object": "text_completion", "model": "m-1", "choices": [choice], "usage": usage, **changes}
    return orjson.dumps({name: value for name, value in body.items() if value is not MISSING})


_FINISH = _chunk("", "stop")

OPENAI_COMPLETIONS = Api(
    name="openai_completions",
    dialect=OpenAICompletions(),
    path="/completions",
    asks={"text": "say it"},
    model="m-1",
    frame=sse,
    token=_chunk,
    usage=USAGE,
    ending=lambda usage: (_FINISH, *_last(usage)),
    no_end_mark=(_FINISH, _last(USAGE)[0]),
    no_reason=_last(USAGE),
    twice=(_FINISH, _FINISH, *_last(USAGE)),
    late=(_FINISH, _chunk("late"), *_last(USAGE)),
    pings={"comments": b": ping\n\n", "retry fields": b"retry: 3000\n\n", "empty events": b"event: ping\n\n"},
    unknown=(
        b"event: other\ndata: {}\n\n",
        sse(b'{"moderation":{}}'),
        sse(b'{"choices":[],"prompt_filter_results":[]}'),
        sse(b'{"choices":null}'),
        _chunk(None),
        sse(b'{"choices":[{"index":0}]}'),
    ),
    shapeless={
        "a number": b"17",
        "null": b"null",
        "a list": b"[]",
        "choices of a wrong kind": b'{"choices":{"0":1}}',
        "a choice of a wrong kind": b'{"choices":[1]}',
        "a text of a wrong kind": b'{"choices":[{"text":1}]}',
        "a finish reason of a wrong kind": b'{"choices":[{"text":"x","finish_reason":1}]}',
    },
    usages=USAGES,
    errors=ERRORS,
    whole=_whole,
    bad_wholes={
        "no finish reason": (_whole(USAGE, choices=[{"text": "a"}]), IncompleteStream),
        "no choices": (_whole(USAGE, choices=[]), IncompleteStream),
        "an error object": (orjson.dumps(problem("m", code="content_filter")), ContentPolicy),
    },
    problem=problem,
    refusals=PROBLEMS,
)
