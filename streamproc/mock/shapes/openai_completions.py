"""OpenAI's text completions: `POST /v1/completions`."""

from typing import Any

import orjson

from streamproc.mock.answer import Answer
from streamproc.mock.asked import Asked, asks_for_usage, count_words, limit_in
from streamproc.mock.dialects import OPENAI
from streamproc.mock.framing import WordEvents, sse
from streamproc.mock.shapes.openai_error import openai_stream_error
from streamproc.mock.shapes.openai_usage import openai_usage
from streamproc.mock.shapes.shape import Closing, Shape

__all__ = ["OPENAI_COMPLETIONS"]

_TEXT = b'"choices":[{"text":'
_TEXT_END = b',"index":0,"logprobs":null,"finish_reason":null}]'


def _parse(asked: dict[str, Any], request_hash: str) -> Asked:
    prompt = asked.get("prompt")
    if not prompt or not (isinstance(prompt, str) or (isinstance(prompt, list) and len(prompt) == 1)):
        raise ValueError("'prompt' must be a non-empty string, or an array with one")
    return Asked(
        shape="openai_completions",
        model=asked["model"],
        input_tokens=count_words(prompt),
        max_tokens=limit_in(asked, "max_tokens"),
        is_streamed=asked.get("stream") is True,
        wants_usage=asks_for_usage(asked),
        request_hash=request_hash,
    )


def _fields(answer: Answer) -> dict[str, Any]:
    return {
        "id": answer.id,
        "object": "text_completion",
        "created": answer.created,
        "model": answer.model,
        "system_fingerprint": "fp_mock",
    }


def _shared(answer: Answer) -> tuple[bytes, bytes]:
    tail = b"}" if answer.usage_form == "missing" else b',"usage":null}'
    return b"data: " + orjson.dumps(_fields(answer))[:-1] + b",", tail + b"\n\n"


def _words(answer: Answer) -> WordEvents:
    head, tail = _shared(answer)
    return WordEvents((), head + _TEXT, _TEXT_END + tail)


def _choice(answer: Answer, text: str) -> dict[str, Any]:
    return {"text": text, "index": 0, "logprobs": None, "finish_reason": answer.finish_reason}


def _close(answer: Answer, tokens: int) -> Closing:
    head, tail = _shared(answer)
    finish = head + b'"choices":[' + orjson.dumps(_choice(answer, "")) + b"]" + tail
    usage: tuple[bytes, ...] = ()
    if answer.usage_form != "missing":
        usage = (sse(_fields(answer) | {"choices": [], "usage": openai_usage(answer, tokens)}),)
    return Closing(finish=(finish,), usage=usage, mark=(b"data: [DONE]\n\n",))


def _body(answer: Answer, tokens: int) -> bytes:
    body = _fields(answer) | {"choices": [_choice(answer, answer.text(tokens))]}
    if answer.usage_form != "missing":
        body["usage"] = openai_usage(answer, tokens)
    return orjson.dumps(body)


OPENAI_COMPLETIONS = Shape(
    name="openai_completions",
    id_prefix="cmpl",
    dialect=OPENAI,
    stream_type="text/event-stream; charset=utf-8",
    parse=_parse,
    words=_words,
    close=_close,
    body=_body,
    stream_error=openai_stream_error,
)
