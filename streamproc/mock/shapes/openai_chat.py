"""OpenAI's Chat Completions: `POST /v1/chat/completions`."""

from typing import Any

import orjson

from streamproc.mock.answer import Answer
from streamproc.mock.asked import Asked, asks_for_usage, count_words, limit_in, some_messages
from streamproc.mock.dialects import OPENAI
from streamproc.mock.framing import WordEvents
from streamproc.mock.shapes.openai_error import openai_stream_error
from streamproc.mock.shapes.openai_usage import openai_usage
from streamproc.mock.shapes.shape import Closing, Shape

__all__ = ["OPENAI_CHAT"]

_CONTENT = b'"choices":[{"index":0,"delta":{"content":'
_DELTA_END = b'},"logprobs":null,"finish_reason":null}]'
_FIRST = b'"choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null}' + _DELTA_END[1:]


def _parse(asked: dict[str, Any], request_hash: str) -> Asked:
    return Asked(
        shape="openai_chat",
        model=asked["model"],
        input_tokens=count_words(some_messages(asked)),
        max_tokens=limit_in(asked, "max_completion_tokens", "max_tokens"),
        is_streamed=asked.get("stream") is True,
        wants_usage=asks_for_usage(asked),
        request_hash=request_hash,
    )


def _shared(answer: Answer) -> tuple[bytes, bytes]:
    head = orjson.dumps(
        {
            "id": answer.id,
            "object": "chat.completion.chunk",
            "created": answer.created,
            "model": answer.model,
            "service_tier": "default",
            "system_fingerprint": "fp_mock",
        }
    )
    tail = b"}" if answer.usage_form == "missing" else b',"usage":null}'
    return b"data: " + head[:-1] + b",", tail + b"\n\n"


def _words(answer: Answer) -> WordEvents:
    head, tail = _shared(answer)
    return WordEvents((head + _FIRST + tail,), head + _CONTENT, _DELTA_END + tail)


def _close(answer: Answer, tokens: int) -> Closing:
    head, tail = _shared(answer)
    choice = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": answer.finish_reason}
    usage: tuple[bytes, ...] = ()
    if answer.usage_form != "missing":
        figures = orjson.dumps(openai_usage(answer, tokens))
        usage = (head + b'"choices":[],"usage":' + figures + b"}\n\n",)
    finish = head + b'"choices":[' + orjson.dumps(choice) + b"]" + tail
    return Closing(finish=(finish,), usage=usage, mark=(b"data: [DONE]\n\n",))


def _body(answer: Answer, tokens: int) -> bytes:
    message: dict[str, Any] = {"role": "assistant", "content": answer.text(tokens), "refusal": None, "annotations": []}
    body: dict[str, Any] = {
        "id": answer.id,
        "object": "chat.completion",
        "created": answer.created,
        "model": answer.model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": answer.finish_reason}],
        "service_tier": "default",
        "system_fingerprint": "fp_mock",
    }
    if answer.usage_form != "missing":
        body["usage"] = openai_usage(answer, tokens)
    return orjson.dumps(body)


OPENAI_CHAT = Shape(
    name="openai_chat",
    id_prefix="chatcmpl",
    dialect=OPENAI,
    stream_type="text/event-stream; charset=utf-8",
    parse=_parse,
    words=_words,
    close=_close,
    body=_body,
    stream_error=openai_stream_error,
)
