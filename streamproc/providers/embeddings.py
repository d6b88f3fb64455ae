"""Embeddings: how OpenAI's API and Ollama's are asked for the vectors of texts. Answers are whole, never streamed."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import orjson

from streamproc.chain.call import Call
from streamproc.chain.provider import Completed, Embeddings, Event
from streamproc.providers.fields import SHAPE_FAULTS, count, parsed, text
from streamproc.providers.openai_usage import token_counts
from streamproc.providers.origin import Origin
from streamproc.providers.refusal import check_extra, unsupported
from streamproc.records.request import Request
from streamproc.records.usage import TokenCounts
from streamproc.records.vector import decode_vector, encode_vector

__all__ = ["OLLAMA", "OPENAI", "EmbeddingsApi", "EmbeddingsDialect"]


class EmbeddingsApi(NamedTuple):
    """What differs: the path, what is asked beside model and texts, and where vectors and usage stand."""

    path: str
    options: Mapping[str, Any]
    vectors: Callable[[dict[str, Any]], list[str]]
    usage: Callable[[dict[str, Any]], TokenCounts | None]


class EmbeddingsDialect:
    """The dialect. An answer is complete with a vector for each text, all of one length; `HttpProvider` counts them."""

    media_type = "application/json"

    def __init__(self, api: EmbeddingsApi) -> None:
        self._api = api

    def headers(self, key: str | None) -> Mapping[str, str]:
        """The key, by the usual scheme."""
        return {} if key is None else {"authorization": f"Bearer {key}"}

    def path(self, call: Call) -> str:  # noqa: ARG002 other dialects look at it
        """The same for all calls."""
        return self._api.path

    def check(self, request: Request) -> None:
        """Refuses what is no texts, and every provider option: none is known that keeps the price."""
        if request.input is None:
            raise unsupported("messages: embeddings are made of texts; ask with input")
        check_extra(request, frozenset())

    def render(self, call: Call) -> bytes:
        """The JSON body of the POST."""
        asked = {"model": call.model, "input": call.request.input, **self._api.options}
        if (dimensions := call.request.dimensions) is not None:
            asked["dimensions"] = dimensions
        return orjson.dumps(asked)

    def decoder(self, max_bytes: int) -> "_Nothing":
        """Nothing is streamed."""
        del max_bytes
        return _Nothing()

    def answer(self, origin: Origin) -> "_EmbeddingsAnswer":
        """Of which nothing has come yet."""
        return _EmbeddingsAnswer(origin, self._api)

    def request_id(self, headers: Mapping[str, str]) -> str | None:
        """The provider's own id of a response, where it gives one."""
        return headers.get("x-request-id")


class _Nothing:
    def feed(self, chunk: bytes) -> list[bytes]:
        """No payloads."""
        del chunk
        return []


class _EmbeddingsAnswer:
    def __init__(self, origin: Origin, api: EmbeddingsApi) -> None:
        self._origin = origin
        self._api = api
        self.is_done = False

    def read(self, payload: bytes) -> list[Event]:
        del payload
        return []

    def completed(self) -> Completed:
        raise self._origin.incomplete("any vectors")

    def read_whole(self, body: bytes) -> list[Event]:
        found = parsed(body, self._origin)
        try:
            if error := found.get("error"):
                raise self._origin.broke_off(error)
            vectors = self._api.vectors(found)
            model, usage = text(found.get("model")), self._api.usage(found)
        except (*SHAPE_FAULTS, ValueError, OverflowError) as exc:
            raise self._origin.malformed(f"JSON that holds no embeddings: {exc}") from exc
        if len({len(vector) for vector in vectors}) != 1:
            raise self._origin.malformed("embeddings of different lengths, or none")
        self.is_done = True
        return [Embeddings(tuple(vectors)), Completed(usage, "stop", model)]


def _vector(found: Any) -> str:
    """A vector as text; OpenAI's base64 has the form already, other servers send numbers whatever is asked for."""
    return encode_vector(decode_vector(found) if isinstance(found, str) else found)


def _openai_vectors(body: dict[str, Any]) -> list[str]:
    data = body["data"]
    if sorted(item.get("index", at) for at, item in enumerate(data)) != list(range(len(data))):
        raise ValueError("indexes with gaps")
    ordered = sorted(enumerate(data), key=lambda pair: pair[1].get("index", pair[0]))
    return [_vector(item["embedding"]) for _, item in ordered]


def _embedded(usage: TokenCounts | None) -> TokenCounts | None:
    # Nothing is put out: an embedding's usage tells of input alone.
    return None if usage is None else usage.changed(output=usage.output or 0)


OPENAI = EmbeddingsApi(
    path="/embeddings",
    options={"encoding_format": "base64"},
    vectors=_openai_vectors,
    usage=lambda body: _embedded(token_counts(body.get("usage"))),
)
"""https://platform.openai.com/docs/api-reference/embeddings, spoken by most compatible servers."""


def _ollama_usage(body: dict[str, Any]) -> TokenCounts | None:
    tokens = count(body, "prompt_eval_count")
    return None if tokens is None else TokenCounts(input=tokens, output=0)


OLLAMA = EmbeddingsApi(
    path="/api/embed",
    # Otherwise a text that is too long would be cut in silence.
    options={"truncate": False},
    vectors=lambda body: [_vector(vector) for vector in body["embeddings"]],
    usage=_ollama_usage,
)
"""https://github.com/ollama/ollama/blob/main/docs/api.md#generate-embeddings."""
