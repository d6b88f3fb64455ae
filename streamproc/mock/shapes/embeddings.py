"""Embeddings: OpenAI's `POST /v1/embeddings` and Ollama's `POST /api/embed`. Equal texts have equal vectors."""

import base64
import hashlib
import math
import struct
from collections.abc import Callable
from typing import Any

import orjson

from streamproc.mock.answer import Answer, Vectors, tell
from streamproc.mock.asked import Asked, count_words
from streamproc.mock.dialects import OLLAMA, OPENAI, Dialect
from streamproc.mock.shapes.ollama import durations
from streamproc.mock.shapes.shape import Closing, Shape, no_stream_error, no_words

__all__ = ["OLLAMA_EMBED", "OPENAI_EMBEDDINGS"]

_DIMENSIONS = 16
_MOST_DIMENSIONS = 4096


def _vector(text: str, dimensions: int) -> list[float]:
    """A vector of length 1 in single precision, by the text's hash."""
    digest = hashlib.shake_128(text.encode()).digest(dimensions * 2)
    numbers = [value + 0.5 for value in struct.unpack(f"<{dimensions}h", digest)]
    length = math.sqrt(sum(number * number for number in numbers))
    return list(struct.unpack(f"<{dimensions}f", struct.pack(f"<{dimensions}f", *(n / length for n in numbers))))


def _parse_for(shape: str) -> Callable[[dict[str, Any], str], Asked]:
    def parse(asked: dict[str, Any], request_hash: str) -> Asked:
        given = asked.get("input")
        texts = tuple(given) if isinstance(given, list) else (given,)
        if not texts or not all(isinstance(text, str) and text for text in texts):
            raise ValueError("'input' must be a non-empty string or an array of them")
        dimensions = asked.get("dimensions", _DIMENSIONS)
        if type(dimensions) is not int or not 1 <= dimensions <= _MOST_DIMENSIONS:
            raise ValueError(f"'dimensions' must be an integer from 1 to {_MOST_DIMENSIONS}")
        return Asked(
            shape=shape,
            model=asked["model"],
            input_tokens=count_words(texts),
            max_tokens=None,
            is_streamed=False,
            wants_usage=True,
            request_hash=request_hash,
            vectors=Vectors(texts, dimensions, asked.get("encoding_format") == "base64"),
        )

    return parse


def _vectors(answer: Answer) -> list[Any]:
    asked = answer.vectors
    if asked is None:
        return []
    vectors = [_vector(text, asked.dimensions) for text in asked.texts]
    if not asked.is_base64:
        return list(vectors)
    return [base64.b64encode(struct.pack(f"<{asked.dimensions}f", *vector)).decode() for vector in vectors]


def _openai_body(answer: Answer, tokens: int) -> bytes:
    del tokens
    data = [
        {"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(_vectors(answer))
    ]
    body: dict[str, Any] = {"object": "list", "data": data, "model": answer.model}
    if answer.usage_form != "missing":
        figures = {"prompt_tokens": answer.input_tokens, "total_tokens": answer.input_tokens}
        body["usage"] = tell(answer.usage_form, figures)
    return orjson.dumps(body)


def _ollama_body(answer: Answer, tokens: int) -> bytes:
    times = durations(answer, tokens)
    body: dict[str, Any] = {"model": answer.model, "embeddings": _vectors(answer)}
    body |= {name: times[name] for name in ("total_duration", "load_duration")}
    if answer.usage_form != "missing":
        counts = {"prompt_eval_count": answer.input_tokens}
        body |= tell(answer.usage_form, counts) or dict.fromkeys(counts)
    return orjson.dumps(body)


def _no_closing(answer: Answer, tokens: int) -> Closing:
    del answer, tokens
    return Closing()


def _shape(name: str, prefix: str, dialect: Dialect, body: Callable[[Answer, int], bytes]) -> Shape:
    return Shape(
        name=name,
        id_prefix=prefix,
        dialect=dialect,
        stream_type=None,
        parse=_parse_for(name),
        words=no_words,
        close=_no_closing,
        body=body,
        stream_error=no_stream_error,
        has_words=False,
    )


OPENAI_EMBEDDINGS = _shape("openai_embeddings", "embd", OPENAI, _openai_body)
OLLAMA_EMBED = _shape("ollama_embed", "ollama", OLLAMA, _ollama_body)
