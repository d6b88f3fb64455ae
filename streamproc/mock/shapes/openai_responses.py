"""OpenAI's Responses: `POST /v1/responses`. Every event has a name and a number; there is no `[DONE]`."""

from typing import Any

import orjson

from streamproc.mock.answer import Answer, tell
from streamproc.mock.api_error import ApiError
from streamproc.mock.asked import Asked, count_words, limit_in
from streamproc.mock.dialects import OPENAI
from streamproc.mock.framing import WordEvents, sse
from streamproc.mock.shapes.shape import Closing, Shape

__all__ = ["OPENAI_RESPONSES", "failed_event"]

_FIELDS: dict[str, Any] = {
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "metadata": {},
    "service_tier": "default",
}


def _parse(asked: dict[str, Any], request_hash: str) -> Asked:
    question = asked.get("input")
    if not question or not isinstance(question, str | list):
        raise ValueError("'input' must be a non-empty string or array")
    return Asked(
        shape="openai_responses",
        model=asked["model"],
        input_tokens=count_words(asked.get("instructions"), question),
        max_tokens=limit_in(asked, "max_output_tokens"),
        is_streamed=asked.get("stream") is True,
        wants_usage=True,
        request_hash=request_hash,
    )


def _named(number: int, kind: str, fields: dict[str, Any]) -> bytes:
    return sse({"type": kind, **fields, "sequence_number": number}, kind)


def _response(answer: Answer, status: str | None, output: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": answer.id,
        "object": "response",
        "created_at": answer.created,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "model": answer.model,
        "output": output,
        "usage": None,
        **_FIELDS,
    }


def _part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _message(answer: Answer, status: str, parts: list[dict[str, Any]]) -> dict[str, Any]:
    return {"id": f"msg_{answer.id}", "type": "message", "status": status, "role": "assistant", "content": parts}


def _reasoning(answer: Answer) -> list[dict[str, Any]]:
    # What a model thinks is billed, but not shown.
    return [{"id": f"rs_{answer.id}", "type": "reasoning", "summary": []}] if answer.reasoning_tokens else []


def _ended(answer: Answer, tokens: int, text: str) -> dict[str, Any]:
    is_short = answer.finish_reason == "length"
    status = None if answer.finish_reason is None else "incomplete" if is_short else "completed"
    message = _message(answer, status or "in_progress", [_part(text)])
    response = _response(answer, status, [*_reasoning(answer), message])
    if is_short:
        response["incomplete_details"] = {"reason": "max_output_tokens"}
    usage = answer.usage(tokens)
    figures = {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": usage.cache_write},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    }
    if answer.usage_form == "missing":
        del response["usage"]
    else:
        response["usage"] = tell(answer.usage_form, figures)
    return response


def _opening(answer: Answer) -> list[tuple[str, dict[str, Any]]]:
    begun = {"response": _response(answer, "in_progress", [])}
    events: list[tuple[str, dict[str, Any]]] = [("response.created", begun), ("response.in_progress", begun)]
    items = _reasoning(answer)
    for item in items:
        fields = {"output_index": 0, "item": item}
        events += [("response.output_item.added", fields), ("response.output_item.done", fields)]
    place = {"output_index": len(items)}
    message = _message(answer, "in_progress", [])
    part = {"item_id": message["id"], **place, "content_index": 0, "part": _part("")}
    return [
        *events,
        ("response.output_item.added", {**place, "item": message}),
        ("response.content_part.added", part),
    ]


def _words(answer: Answer) -> WordEvents:
    opening = tuple(_named(number, *event) for number, event in enumerate(_opening(answer)))
    fields = {
        "type": "response.output_text.delta",
        "item_id": f"msg_{answer.id}",
        "output_index": len(_reasoning(answer)),
        "content_index": 0,
        "logprobs": [],
    }
    before = b"event: response.output_text.delta\ndata: " + orjson.dumps(fields)[:-1] + b',"delta":'
    return WordEvents(opening, before, b',"sequence_number":%d}\n\n', len(opening))


def _close(answer: Answer, tokens: int) -> Closing:
    response = _ended(answer, tokens, text := answer.text(tokens))
    number, place = len(_opening(answer)) + tokens, len(_reasoning(answer))
    message = response["output"][place]
    part = {"item_id": message["id"], "output_index": place, "content_index": 0}
    before = (
        _named(number, "response.output_text.done", {**part, "text": text, "logprobs": []}),
        _named(number + 1, "response.content_part.done", {**part, "part": _part(text)}),
        _named(number + 2, "response.output_item.done", {"output_index": place, "item": message}),
    )
    kind = "response.incomplete" if answer.finish_reason == "length" else "response.completed"
    return Closing(before=before, mark=(_named(number + 3, kind, {"response": response}),))


def _body(answer: Answer, tokens: int) -> bytes:
    return orjson.dumps(_ended(answer, tokens, answer.text(tokens)))


def _stream_error(answer: Answer, tokens: int, error: ApiError) -> bytes:
    fields = {"code": error.code, "message": error.message, "param": error.param}
    return _named(len(_opening(answer)) + tokens, "error", fields)


def failed_event(answer: Answer, tokens: int, error: ApiError) -> bytes:
    """The other way in which this shape tells a failure; its usage is null."""
    response = _response(answer, "failed", [])
    response["error"] = {"code": error.code, "message": error.message}
    return _named(len(_opening(answer)) + tokens, "response.failed", {"response": response})


OPENAI_RESPONSES = Shape(
    name="openai_responses",
    id_prefix="resp",
    dialect=OPENAI,
    stream_type="text/event-stream; charset=utf-8",
    parse=_parse,
    words=_words,
    close=_close,
    body=_body,
    stream_error=_stream_error,
)
