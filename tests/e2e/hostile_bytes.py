"""Byte strings for a request topic: valid requests, and everything that can be wrong with one. Seeded."""

import json
import random
from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = ["Sent", "make_records"]

MODEL = "mock-t3-i0-f0"
FREE_MODEL = "mock-free"

_CE_TYPE = ("ce_type", b"streamproc.request.v1")
_JSON = ("content-type", b"application/json")


class Sent(NamedTuple):
    """A record as it is sent; `kind` says how it was made."""

    kind: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


def native(rng: random.Random, **changes: Any) -> dict[str, Any]:
    """A valid request with some of the optional fields."""
    optional: dict[str, Any] = {
        "tenant": f"team-{rng.randrange(5)}",
        "user": "ann@example.org",
        "feature": "search/box",
        "metadata": {"case": "é ✓"},
        "max_output_tokens": rng.randrange(1, 4000),
        "temperature": rng.choice([0, 0.5, 2]),
        "top_p": 1.0,
        "stop": ["\n\n", "END"],
        "seed": rng.randrange(-(2**31), 2**31),
        "stream": rng.random() < 0.5,
        "deadline": "2099-12-31T23:59:59+01:00",
        "response_format": {"type": "json_object"},
        "extra": {"top_k": 40, "frequency_penalty": 0.1},
        "tools": [{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}],
        "tool_choice": "auto",
    }
    chosen = {name: value for name, value in optional.items() if rng.random() < 0.4}
    messages: list[dict[str, Any]] = [{"role": "user", "content": f"Frage {rng.random()}: wie heißt das?"}]
    if rng.random() < 0.3:
        messages.insert(0, {"role": "system", "content": [{"type": "text", "text": "Be brief."}]})
    return {"request_id": f"r-{rng.randrange(10**9)}", "model": MODEL, "messages": messages} | chosen | changes


def batch(rng: random.Random, **changes: Any) -> dict[str, Any]:
    """A valid Batch API line."""
    body = {"model": f"mock/{MODEL}", "messages": [{"role": "user", "content": "Why?"}], "max_tokens": 30}
    line = {"custom_id": f"b-{rng.randrange(10**9)}", "method": "POST", "url": "/v1/chat/completions", "body": body}
    return line | changes


def _encoded(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _valid(rng: random.Random) -> bytes:
    return _encoded((native if rng.random() < 0.7 else batch)(rng))


def _random_bytes(rng: random.Random) -> bytes:
    return rng.randbytes(rng.randrange(1, 400))


def _truncated(rng: random.Random) -> bytes:
    whole = _valid(rng)
    return whole[: rng.randrange(1, len(whole))]


def _flipped(rng: random.Random) -> bytes:
    mutated = bytearray(_valid(rng))
    for _ in range(rng.choice([1, 1, 1, 3])):
        mutated[rng.randrange(len(mutated))] ^= 1 << rng.randrange(8)
    return bytes(mutated)


def _shuffled(rng: random.Random) -> bytes:
    """A piece is left out, doubled, or put elsewhere."""
    whole = _valid(rng)
    first, last = sorted(rng.sample(range(len(whole)), 2))
    piece, rest = whole[first:last], whole[:first] + whole[last:]
    return rng.choice([rest, whole[:last] + piece + whole[last:], rest + piece])


_NOT_A_FIELD: tuple[dict[str, Any], ...] = (
    {"modell": "m"},
    {"temprature": 0.5},
    {"functions": []},
    {"request_id": ""},
    {"request_id": 7},
    {"request_id": "ä"},
    {"request_id": "x" * 257},
    {"request_id": None},
    {"model": "no-such-model"},
    {"model": FREE_MODEL},
    {"model": ""},
    {"model": None},
    {"messages": []},
    {"messages": "hello"},
    {"messages": [{"role": "robot", "content": "hello"}]},
    {"messages": [{"role": "user", "content": "hello", "colour": "red"}]},
    {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x"}}]}]},
    {"messages": [{"role": "user", "content": "hello"}] * 1025},
    {"tenant": "two words"},
    {"tenant": ""},
    {"tenant": 7},
    {"tenant": None},
    {"tenant": "t" * 129},
    {"user": "line\nbreak"},
    {"metadata": {"a": 1}},
    {"metadata": {str(number): "x" for number in range(17)}},
    {"max_output_tokens": -1},
    {"max_output_tokens": 0},
    {"max_output_tokens": 32_769},
    {"max_output_tokens": 2**31},
    {"max_output_tokens": 10**30},
    {"max_output_tokens": "100"},
    {"max_output_tokens": 10.5},
    {"max_output_tokens": True},
    {"temperature": -0.1},
    {"temperature": 2.01},
    {"temperature": float("nan")},
    {"temperature": float("inf")},
    {"temperature": "0.5"},
    {"top_p": 1.5},
    {"stop": [""]},
    {"stop": ["x"] * 17},
    {"stop": "END"},
    {"seed": 2**63},
    {"seed": 0.5},
    {"stream": 1},
    {"stream": "yes"},
    {"deadline": "tomorrow"},
    {"deadline": "2099-12-31T23:59:59"},
    {"deadline": "2099-02-30T00:00:00Z"},
    {"deadline": 1_900_000_000},
    {"deadline": "2099-01-01T00:00:00Z", "not_before": "2099-01-01T00:00:00Z"},
    {"max_cost_usd": -0.01},
    {"max_cost_usd": 1e7},
    {"response_format": {"type": "json_schema"}},
    {"response_format": {"type": "text", "json_schema": {"name": "x"}}},
    {"tools": []},
    {"tools": [{"type": "function", "function": {"name": "no spaces please"}}]},
    {"tool_choice": "maybe"},
    {"extra": {"service_tier": "priority"}},
    {"extra": {"n": 4}},
    {"extra": {"web_search_options": {}}},
    {"extra": []},
    {"custom_id": "both-forms"},
)

_NOT_A_LINE: tuple[dict[str, Any], ...] = (
    {"url": "/v1/embeddings"},
    {"url": "/v1/completions"},
    {"method": "GET"},
    {"body": None},
    {"body": {"model": MODEL, "messages": [{"role": "user", "content": "hi"}], "n": 2}},
    {"body": {"model": MODEL, "messages": [{"role": "user", "content": "hi"}], "logprobs": True}},
    {"body": {"model": MODEL, "messages": [{"role": "user", "content": "hi"}], "stop": ""}},
    {"body": {"model": MODEL, "messages": [{"role": "user", "content": "hi"}], "max_tokens": -5}},
    {"custom_id": 12},
    {"tenant": "acme"},
)

_NO_OBJECT = (b"[]", b"null", b"7", b'"text"', b"{}", b"true", b" \n ", b"{" * 50, b"\xef\xbb\xbf{}", b"\x00")


def _wrong_records(rng: random.Random) -> list[Sent]:
    """Each way to be wrong that can be named, once."""
    good = _encoded(native(rng))
    deep = b'{"request_id": "deep", "extra": {"top_k": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}"
    values = [
        *(_encoded(native(rng, **changes)) for changes in _NOT_A_FIELD),
        *(_encoded(batch(rng, **changes)) for changes in _NOT_A_LINE),
        *_NO_OBJECT,
        *(good[:-1] + end for end in (b"", b",}", b"}}", b"} x", b', "model": }')),
        b"[" * 100_000,
        b'{"a":' * 100_000,
        deep,
        good.replace(b"heis", b"\xff").replace(b"Frage", b"\xc3\x28"),
        good.replace(b"Frage", b"\\ud800"),
        good.replace(b"Frage", b"a\x00b"),
        good.decode().encode("utf-16"),
        _encoded(native(rng, messages=[{"role": "user", "content": "x" * 600_000}])),
        _encoded(native(rng, messages=[{"role": "user", "content": "x" * 1_020_000}])),
    ]
    wrong_headers = [
        (("ce_type", b"streamproc.request.v2"),),
        (("ce_type", b"streamproc.request.v99"),),
        (("ce_type", b"streamproc.result.v1"),),
        (("ce_type", b"\xff\xfe"),),
        (("content-type", b"application/avro"),),
        (_CE_TYPE, ("content-type", b"text/plain")),
    ]
    return [
        *(Sent("named", _key(rng), value, _headers(rng)) for value in values),
        *(Sent("headers", _key(rng), good, headers) for headers in wrong_headers),
        Sent("tombstone", b"a key", None, ()),
        Sent("tombstone", b"a key", None, (_CE_TYPE,)),
        Sent("empty", None, b"", ()),
        Sent("empty", b"a key", b"", (("x-own", b"kept"),)),
    ]


def _key(rng: random.Random) -> bytes | None:
    return rng.choice([None, b"", b"customer-7", rng.randbytes(20)])


def _headers(rng: random.Random) -> tuple[tuple[str, bytes], ...]:
    own = (("x-own", rng.randbytes(8)), ("x-own", b"twice"), ("dlq.reason", b"of an earlier stay"))
    trace = ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    return rng.choice(
        [(), (_CE_TYPE, _JSON), (_CE_TYPE, trace), own, (("content-type", b"application/json; charset=utf-8"),)]
    )


_MAKERS: tuple[tuple[Callable[[random.Random], bytes], int], ...] = (
    (_valid, 30),
    (_random_bytes, 10),
    (_truncated, 15),
    (_flipped, 30),
    (_shuffled, 15),
)


def make_records(rng: random.Random, count: int) -> list[Sent]:
    """So many records in a random order: each named fault once, and the rest drawn."""
    records = _wrong_records(rng)
    makers, weights = zip(*_MAKERS, strict=True)
    for maker in rng.choices(makers, weights, k=count - len(records)):
        records.append(Sent(maker.__name__, _key(rng), maker(rng), _headers(rng)))
    rng.shuffle(records)
    return records
