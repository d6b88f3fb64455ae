"""The OpenAI Chat Completions shape: an answer's words, its events and its body, as bytes.

An event is rendered in two pieces: what all events of an answer share, once per answer, and what a word adds, once per
word of the vocabulary. So an event costs two joins of bytes, however long it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

__all__ = ["Answer", "answer_words", "render_body", "render_end", "render_models", "render_words"]

_WORDS = """
    the river runs under an old stone bridge and carries leaves past quiet fields where small birds wait for rain
    while a slow cart climbs toward town with apples bread salt wool lamps paper ink glass rope honey seeds nails
    copper soap candles and one grey cat asleep on top of it all until evening comes near again under clear stars
"""
_VOCABULARY = tuple(f" {word}" for word in _WORDS.split())
_CONTENT = b'"choices":[{"index":0,"delta":{"content":'
_DELTA_END = b'},"logprobs":null,"finish_reason":null}]'
_PIECES = tuple(_CONTENT + orjson.dumps(word) + _DELTA_END for word in _VOCABULARY)
_FIRST = b'"choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null}' + _DELTA_END[1:]
_MASK = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Answer:
    """What all pieces of one answer share. `seed` decides its words; None for usage leaves usage out."""

    id: str
    model: str
    created: int
    seed: int
    input_tokens: int
    wants_usage: bool
    finish_reason: str

    def usage(self, output_tokens: int) -> dict[str, int]:
        """The usage object."""
        return {
            "prompt_tokens": self.input_tokens,
            "completion_tokens": output_tokens,
            "total_tokens": self.input_tokens + output_tokens,
        }


def _indices(seed: int) -> Iterator[int]:
    # A linear congruential generator (Knuth's MMIX constants): the upper bits are even enough for picking words.
    state = seed & _MASK
    while True:
        state = (state * 6364136223846793005 + 1442695040888963407) & _MASK
        yield (state >> 33) % len(_VOCABULARY)


def answer_words(seed: int, tokens: int) -> str:
    """The text of an answer: one word, with a space before it, for each token."""
    indices = _indices(seed)
    return "".join(_VOCABULARY[next(indices)] for _ in range(tokens))


def _event(body: bytes) -> bytes:
    # One HTTP chunk for each event, as servers that flush after every event send it.
    return b"%x\r\ndata: %b\n\n\r\n" % (len(body) + 8, body)


def _shared(answer: Answer) -> tuple[bytes, bytes]:
    head: dict[str, Any] = {
        "id": answer.id,
        "object": "chat.completion.chunk",
        "created": answer.created,
        "model": answer.model,
        "service_tier": "default",
        "system_fingerprint": "fp_mock",
    }
    return orjson.dumps(head)[:-1] + b",", b',"usage":null}' if answer.wants_usage else b"}"


def render_words(answer: Answer) -> Iterator[bytes]:
    """The chunks of an answer's words, without end; before the first word comes the event that names the role."""
    head, tail = _shared(answer)
    before = _event(head + _FIRST + tail)
    # Length of the line, its name and its end; the piece's own length is added for each word.
    shared_length = len(head) + len(tail) + 8
    for index in _indices(answer.seed):
        piece = _PIECES[index]
        yield b"%b%x\r\ndata: %b%b%b\n\n\r\n" % (before, shared_length + len(piece), head, piece, tail)
        before = b""


def render_end(answer: Answer, output_tokens: int) -> bytes:
    """The chunks after the last word: finish reason, usage if it was asked for, the end mark, the end of the body."""
    head, tail = _shared(answer)
    role = _event(head + _FIRST + tail) if output_tokens == 0 else b""
    choice = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": answer.finish_reason}
    finish = _event(head + b'"choices":[' + orjson.dumps(choice) + b"]" + tail)
    usage = b""
    if answer.wants_usage:
        usage = _event(head + b'"choices":[],"usage":' + orjson.dumps(answer.usage(output_tokens)) + b"}")
    return role + finish + usage + _event(b"[DONE]") + b"0\r\n\r\n"


def render_body(answer: Answer, output_tokens: int) -> bytes:
    """The body of an answer that is not streamed."""
    message = {"role": "assistant", "content": answer_words(answer.seed, output_tokens), "refusal": None}
    body: dict[str, Any] = {
        "id": answer.id,
        "object": "chat.completion",
        "created": answer.created,
        "model": answer.model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": answer.finish_reason}],
        "service_tier": "default",
        "system_fingerprint": "fp_mock",
    }
    if answer.wants_usage:
        body["usage"] = answer.usage(output_tokens)
    return orjson.dumps(body)


def render_models(names: tuple[str, ...], created: int) -> bytes:
    """The list of models."""
    data = [{"id": name, "object": "model", "created": created, "owned_by": "mock"} for name in names]
    return orjson.dumps({"object": "list", "data": data})
