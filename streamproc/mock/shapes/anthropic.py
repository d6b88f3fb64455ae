"""Anthropic's Messages: `POST /v1/messages`. Usage is cumulative, and its input excludes what the cache did."""

from typing import Any

import orjson

from streamproc.mock.answer import Answer, Finish, tell
from streamproc.mock.api_error import ApiError
from streamproc.mock.asked import Asked, count_words, limit_in, some_messages
from streamproc.mock.dialects import ANTHROPIC
from streamproc.mock.framing import WordEvents, sse
from streamproc.mock.shapes.shape import Closing, Shape

__all__ = ["ANTHROPIC_MESSAGES"]

_PING = sse({"type": "ping"}, "ping")
_STOP_REASONS: dict[Finish, str] = {"stop": "end_turn", "length": "max_tokens"}
_SIGNATURE = "bW9jaw=="


def _parse(asked: dict[str, Any], request_hash: str) -> Asked:
    limit = limit_in(asked, "max_tokens")
    if limit is None:
        raise ValueError("max_tokens: Field required")
    return Asked(
        shape="anthropic",
        model=asked["model"],
        input_tokens=count_words(asked.get("system"), some_messages(asked)),
        max_tokens=limit,
        is_streamed=asked.get("stream") is True,
        wants_usage=True,
        request_hash=request_hash,
    )


def _named(fields: dict[str, Any]) -> bytes:
    return sse(fields, fields["type"])


def _usage(answer: Answer, output_tokens: int) -> dict[str, Any]:
    if answer.usage_form == "missing":
        return {}
    usage = answer.usage(0)
    figures = {
        "input_tokens": usage.input - usage.cached - usage.cache_write,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cached,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_write,
            "ephemeral_1h_input_tokens": 0,
        },
        "output_tokens": output_tokens,
        "output_tokens_details": {"thinking_tokens": min(usage.reasoning, output_tokens)},
        "service_tier": "standard",
    }
    return {"usage": tell(answer.usage_form, figures)}


def _message(answer: Answer, content: list[dict[str, Any]], stop_reason: str | None) -> dict[str, Any]:
    return {
        "id": answer.id,
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": None,
    }


def _stop_reason(answer: Answer) -> str | None:
    return None if answer.finish_reason is None else _STOP_REASONS[answer.finish_reason]


def _thinking(answer: Answer) -> list[bytes]:
    if not answer.reasoning_tokens:
        return []
    deltas = (
        {"type": "thinking_delta", "thinking": answer.thoughts()},
        {"type": "signature_delta", "signature": _SIGNATURE},
    )
    block = {"type": "thinking", "thinking": "", "signature": ""}
    return [
        _named({"type": "content_block_start", "index": 0, "content_block": block}),
        *(_named({"type": "content_block_delta", "index": 0, "delta": delta}) for delta in deltas),
        _named({"type": "content_block_stop", "index": 0}),
    ]


def _block(answer: Answer) -> int:
    return 1 if answer.reasoning_tokens else 0


def _words(answer: Answer) -> WordEvents:
    begun = _message(answer, [], None) | _usage(answer, 1)
    start = {"type": "content_block_start", "index": _block(answer), "content_block": {"type": "text", "text": ""}}
    opening = (_named({"type": "message_start", "message": begun}), *_thinking(answer), _named(start), _PING)
    before = (
        b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,'
        b'"delta":{"type":"text_delta","text":' % _block(answer)
    )
    return WordEvents(opening, before, b"}}\n\n")


def _close(answer: Answer, tokens: int) -> Closing:
    delta = {"stop_reason": _stop_reason(answer), "stop_sequence": None}
    finish = {"type": "message_delta", "delta": delta} | _usage(answer, answer.usage(tokens).output)
    return Closing(
        before=(_named({"type": "content_block_stop", "index": _block(answer)}),),
        finish=(_named(finish),),
        mark=(_named({"type": "message_stop"}),),
    )


def _body(answer: Answer, tokens: int) -> bytes:
    content: list[dict[str, Any]] = []
    if answer.reasoning_tokens:
        content.append({"type": "thinking", "thinking": answer.thoughts(), "signature": _SIGNATURE})
    content.append({"type": "text", "text": answer.text(tokens)})
    return orjson.dumps(_message(answer, content, _stop_reason(answer)) | _usage(answer, answer.usage(tokens).output))


def _stream_error(answer: Answer, tokens: int, error: ApiError) -> bytes:
    del tokens
    return b"event: error\ndata: %b\n\n" % ANTHROPIC.render(error, answer.id)


ANTHROPIC_MESSAGES = Shape(
    name="anthropic",
    id_prefix="msg",
    dialect=ANTHROPIC,
    stream_type="text/event-stream; charset=utf-8",
    parse=_parse,
    words=_words,
    close=_close,
    body=_body,
    stream_error=_stream_error,
    ping=_PING,
)
