"""Responses: the bytes of its answers."""

import orjson

from streamproc.errors import ContentPolicy, IncompleteStream, MalformedStream, RateLimited, ServerFault
from streamproc.providers.openai_responses import OpenAIResponses
from streamproc.records.usage import TokenCounts
from tests.faults.cases.api import Api
from tests.faults.cases.case import MISSING
from tests.faults.cases.openai import PROBLEMS, problem
from tests.faults.cases.openai_responses_events import (
    BEGIN,
    ITEM_DONE,
    USAGE,
    body,
    ending,
    event,
    incomplete,
    named,
    token,
)
from tests.faults.cases.openai_responses_own import ERRORS, OWN

__all__ = ["OPENAI_RESPONSES"]

OPENAI_RESPONSES = Api(
    name="openai_responses",
    dialect=OpenAIResponses(),
    path="/responses",
    model="m-1",
    frame=named,
    begin=BEGIN,
    token=token,
    usage=USAGE,
    ending=ending,
    no_end_mark=ITEM_DONE,
    no_reason=(*ITEM_DONE, event("response.completed", response=body(MISSING))),
    twice=(*ITEM_DONE, *ending(USAGE)),
    late=(*ITEM_DONE, token("late"), ending(USAGE)[-1]),
    pings={"comments": b": ping\n\n", "retry fields": b"retry: 3000\n\n", "empty events": b"event: ping\n\n"},
    unknown=(
        b"event: other\ndata: {}\n\n",
        event("keepalive"),
        event("response.queued", response=body("queued")),
        event("response.web_search_call.searching", output_index=0, item_id="ws_1"),
        event("response.output_text.annotation.added", annotation={}),
        event("response.output_item.added", output_index=1, item={"type": "novelty"}),
        event("response.output_item.done", output_index=1, item={"type": "novelty"}),
        event("response.output_text.delta", delta=""),
        event("response.output_text.delta", delta=None),
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
            {**USAGE, "input_tokens_details": None, "output_tokens_details": []},
            TokenCounts(input=7, output=2),
        ),
        "with details": (
            {
                **USAGE,
                "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 4},
                "output_tokens_details": {"reasoning_tokens": 1},
            },
            TokenCounts(input=7, output=2, cached_input=3, cache_write=4, reasoning=1),
        ),
    },
    errors=ERRORS,
    whole=lambda usage: orjson.dumps(body(usage=usage)),
    bad_wholes={
        "no status": (orjson.dumps(body(MISSING)), IncompleteStream),
        "in progress": (orjson.dumps(body("in_progress")), IncompleteStream),
        "queued": (orjson.dumps(body("queued", None, output=[])), IncompleteStream),
        "cancelled": (orjson.dumps(body("cancelled")), IncompleteStream),
        "incomplete without a reason": (orjson.dumps(incomplete(None)), IncompleteStream),
        "failed": (
            orjson.dumps(body("failed", None, error={"code": "rate_limit_exceeded", "message": "m"})),
            RateLimited,
        ),
        "failed without an error": (orjson.dumps(body("failed", None)), ServerFault),
        "an error object": (orjson.dumps(problem("m", code="content_filter")), ContentPolicy),
        "output of a wrong kind": (orjson.dumps(body(output=[1])), MalformedStream),
    },
    problem=problem,
    refusals=PROBLEMS,
    own=OWN,
)
