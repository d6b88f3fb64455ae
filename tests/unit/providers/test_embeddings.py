"""Embeddings on the wire: what is asked, and what an answer must hold to be one."""

from typing import Any

import orjson
import pytest

from streamproc.chain.provider import Completed, Embeddings
from streamproc.errors import IncompleteStream, InvalidRequest, MalformedStream, ServerFault
from streamproc.providers.embeddings import OLLAMA, OPENAI, EmbeddingsApi, EmbeddingsDialect
from streamproc.providers.origin import Origin
from streamproc.records.request import Request
from streamproc.records.usage import TokenCounts
from streamproc.records.vector import encode_vector
from tests.fakes import a_call
from tests.fakes import a_request as any_request

ONE, TWO = encode_vector([0.5, -1.0]), encode_vector([2.0, 0.0])
ASKED = Request.model_validate({"request_id": "a", "model": "m", "input": ["one", "two"]})


def read(api: EmbeddingsApi, body: Any) -> list[Any]:
    """Events of an answer."""
    return list(EmbeddingsDialect(api).answer(Origin("p", None, str)).read_whole(orjson.dumps(body)))


def test_what_is_asked() -> None:
    """Openai's vectors come as base64; Ollama may cut no text."""
    call = a_call(ASKED, model="m")
    assert EmbeddingsDialect(OPENAI).path(call) == "/embeddings"
    assert orjson.loads(EmbeddingsDialect(OPENAI).render(call)) == {
        "model": "m", "input": ["one", "two"], "encoding_format": "base64"
    }  # fmt: skip
    assert EmbeddingsDialect(OLLAMA).path(call) == "/api/embed"
    assert orjson.loads(EmbeddingsDialect(OLLAMA).render(call)) == {
        "model": "m", "input": ["one", "two"], "truncate": False
    }  # fmt: skip


@pytest.mark.parametrize("api", [OPENAI, OLLAMA])
def test_shorter_vectors(api: EmbeddingsApi) -> None:
    """Batch lines put the wish into provider options, where it was refused: no line with it was ever answered."""
    asked = Request.model_validate({"request_id": "a", "model": "m", "input": ["one"], "dimensions": 256})
    EmbeddingsDialect(api).check(asked)
    assert orjson.loads(EmbeddingsDialect(api).render(a_call(asked, model="m")))["dimensions"] == 256


@pytest.mark.parametrize("first", [ONE, [0.5, -1]])
def test_vectors_stand_in_the_order_of_the_texts(first: Any) -> None:
    """By their index, as base64 or as numbers; nothing is put out, so the output is a true zero."""
    body = {
        "data": [{"index": 1, "embedding": TWO}, {"index": 0, "embedding": first}],
        "model": "m-1",
        "usage": {"prompt_tokens": 3, "total_tokens": 3},
    }
    assert read(OPENAI, body) == [
        Embeddings((ONE, TWO)),
        Completed(TokenCounts(input=3, output=0), "stop", "m-1"),
    ]
    assert read(OPENAI, {**body, "usage": None})[-1].usage is None


def test_vectors_of_ollama() -> None:
    """A count that is missing is not known."""
    body = {"model": "m", "embeddings": [[0.5, -1], [2, 0]], "prompt_eval_count": 3}
    assert read(OLLAMA, body) == [Embeddings((ONE, TWO)), Completed(TokenCounts(input=3, output=0), "stop", "m")]
    assert read(OLLAMA, {"embeddings": [[1]]})[-1] == Completed(None, "stop", None)


@pytest.mark.parametrize(
    ("api", "body"),
    [
        (OPENAI, {}),
        (OPENAI, []),
        (OPENAI, {"data": []}),
        (OPENAI, {"data": [{"index": 0, "embedding": ONE}, {"index": 2, "embedding": TWO}]}),
        (OPENAI, {"data": [{"index": 0, "embedding": ONE}, {"index": 0, "embedding": TWO}]}),
        (OPENAI, {"data": [{"index": 0, "embedding": ONE}, {"index": 1, "embedding": encode_vector([1.0])}]}),
        (OPENAI, {"data": [{"index": 0, "embedding": "no base64"}]}),
        (OPENAI, {"data": [{"index": 0, "embedding": ["x"]}]}),
        (OPENAI, {"data": [{"index": 0, "embedding": [1e300]}]}),
        (OPENAI, {"data": [{"index": "0", "embedding": ONE}]}),
        (OLLAMA, {"embeddings": None}),
        (OLLAMA, {"embeddings": [[1], [1, 2]]}),
        (OLLAMA, {"embeddings": [1]}),
    ],
)
def test_what_is_no_answer(api: EmbeddingsApi, body: Any) -> None:
    """Gaps, other lengths, no numbers."""
    with pytest.raises(MalformedStream):
        read(api, body)


def test_an_error_in_a_200() -> None:
    """It has its class."""
    with pytest.raises(ServerFault, match="broke off: out of memory"):
        read(OLLAMA, {"error": "out of memory"})


def test_nothing_is_streamed() -> None:
    """And nothing is no answer."""
    dialect = EmbeddingsDialect(OPENAI)
    answer = dialect.answer(Origin("p", None, str))
    assert (dialect.decoder(10).feed(b"data: {}\n\n"), answer.read(b"{}")) == ([], [])
    with pytest.raises(IncompleteStream):
        answer.completed()


def test_what_cannot_be_asked() -> None:
    """Conversations and options."""
    with pytest.raises(InvalidRequest, match="ask with input"):
        EmbeddingsDialect(OPENAI).check(any_request())
    with pytest.raises(InvalidRequest, match="'dimensions' cannot be passed on"):
        EmbeddingsDialect(OPENAI).check(ASKED.model_copy(update={"extra": {"dimensions": 2}}))
    EmbeddingsDialect(OPENAI).check(ASKED)
