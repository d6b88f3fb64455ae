"""Ollama's own API: `POST /api/chat` and `POST /api/generate`. Lines of JSON, streamed unless told otherwise.

It tells neither cached tokens nor how many tokens were reasoning; durations are nanoseconds.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson

from streamproc.mock.answer import Answer, tell
from streamproc.mock.api_error import ApiError
from streamproc.mock.asked import Asked, count_words, limit_in, some_messages
from streamproc.mock.dialects import OLLAMA
from streamproc.mock.framing import WordEvents, line
from streamproc.mock.shapes.shape import Closing, Shape

__all__ = ["OLLAMA_CHAT", "OLLAMA_GENERATE", "durations"]

_NANOSECONDS = 10**9


def durations(answer: Answer, tokens: int) -> dict[str, int]:
    """How long an answer of so many words took, in nanoseconds."""
    first = int(answer.first_token_seconds * _NANOSECONDS)
    generated = int(answer.interval_seconds * max(0, tokens - 1) * _NANOSECONDS)
    return {
        "total_duration": first + generated,
        "load_duration": 0,
        "prompt_eval_duration": first,
        "eval_duration": generated,
    }


def _parse_chat(asked: dict[str, Any], request_hash: str) -> Asked:
    only_loads = not asked.get("messages")
    words = 0 if only_loads else count_words(some_messages(asked))
    return _asked("ollama_chat", asked, request_hash, words, only_loads=only_loads)


def _parse_generate(asked: dict[str, Any], request_hash: str) -> Asked:
    prompt = asked.get("prompt") or ""
    if not isinstance(prompt, str):
        raise ValueError("json: cannot unmarshal into Go struct field GenerateRequest.prompt of type string")  # noqa: TRY004 the input is wrong, not our call
    words = count_words(asked.get("system"), prompt) if prompt else 0
    return _asked("ollama_generate", asked, request_hash, words, only_loads=not prompt)


def _asked(shape: str, asked: dict[str, Any], request_hash: str, words: int, *, only_loads: bool) -> Asked:
    options = asked.get("options")
    given = options if isinstance(options, dict) else {}
    # A negative number means no limit there.
    limits = {name: value for name, value in given.items() if not (type(value) is int and value < 0)}
    return Asked(
        shape=shape,
        model=asked["model"],
        input_tokens=words,
        max_tokens=limit_in(limits, "num_predict"),
        is_streamed=asked.get("stream") is not False,
        wants_usage=True,
        request_hash=request_hash,
        only_loads=only_loads,
    )


def _head(answer: Answer) -> dict[str, Any]:
    created = datetime.fromtimestamp(answer.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.000000000Z")
    return {"model": answer.model, "created_at": created}


def _last(answer: Answer, tokens: int) -> dict[str, Any]:
    fields: dict[str, Any] = {"done": True}
    if answer.finish_reason is not None:
        fields["done_reason"] = answer.finish_reason
    if answer.finish_reason == "load":
        return fields
    figures: dict[str, Any] = {}
    if answer.usage_form != "missing":
        usage = answer.usage(tokens)
        counts = {"prompt_eval_count": usage.input, "eval_count": usage.output}
        figures = tell(answer.usage_form, counts) or dict.fromkeys(counts)
    return fields | durations(answer, tokens) | figures


def _shape(
    name: str,
    parse: Callable[[dict[str, Any], str], Asked],
    content: Callable[[str, str], dict[str, Any]],
) -> Shape:
    """A shape by the fields that hold an answer's text and thoughts."""

    def words(answer: Answer) -> WordEvents:
        thoughts = (line(_head(answer) | content("", answer.thoughts()) | {"done": False}),)
        before, _, after = line(_head(answer) | content("\0", "") | {"done": False}).rpartition(orjson.dumps("\0"))
        return WordEvents(thoughts if answer.reasoning_tokens else (), before, after)

    def close(answer: Answer, tokens: int) -> Closing:
        return Closing(mark=(line(_head(answer) | content("", "") | _last(answer, tokens)),))

    def body(answer: Answer, tokens: int) -> bytes:
        return orjson.dumps(_head(answer) | content(answer.text(tokens), answer.thoughts()) | _last(answer, tokens))

    return Shape(
        name=name,
        id_prefix="ollama",
        dialect=OLLAMA,
        stream_type="application/x-ndjson",
        parse=parse,
        words=words,
        close=close,
        body=body,
        stream_error=_stream_error,
        ping=b"\n",
        unknown=line({"mock_unknown": True}),
    )


def _stream_error(answer: Answer, tokens: int, error: ApiError) -> bytes:
    del tokens
    return OLLAMA.render(error, answer.id) + b"\n"


def _in_message(text: str, thoughts: str) -> dict[str, Any]:
    thinking = {"thinking": thoughts} if thoughts else {}
    return {"message": {"role": "assistant", "content": text, **thinking}}


def _in_response(text: str, thoughts: str) -> dict[str, Any]:
    return {"response": text, **({"thinking": thoughts} if thoughts else {})}


OLLAMA_CHAT = _shape("ollama_chat", _parse_chat, _in_message)
OLLAMA_GENERATE = _shape("ollama_generate", _parse_generate, _in_response)
