"""Embeddings of the mock provider, in the shapes of OpenAI and Ollama."""

import base64
import json
import struct
from typing import Any

import pytest

from streamproc.mock.server import MockServer
from tests.unit.mock.exchange import ask


async def test_embeddings_of_both_shapes(mock: MockServer) -> None:
    """Equal texts have equal vectors of length 1, as numbers and as base64."""
    asked: dict[str, Any] = {"model": "mock-f0", "input": ["a b", "c", "a b"], "dimensions": 8}
    data = await _json(mock, "/v1/embeddings", asked)
    first, second, third = [entry["embedding"] for entry in data["data"]]
    assert first == third != second
    assert len(first) == 8
    assert sum(number * number for number in first) == pytest.approx(1, abs=1e-6)
    coded = await _json(mock, "/v1/embeddings", asked | {"encoding_format": "base64"})
    assert list(struct.unpack("<8f", base64.b64decode(coded["data"][0]["embedding"]))) == first
    theirs = await _json(mock, "/api/embed", asked | {"input": "a b"})
    assert theirs["embeddings"] == [first]


async def _json(mock: MockServer, path: str, body: dict[str, Any]) -> Any:
    return json.loads((await ask(mock, body, path=path)).partition(b"\r\n\r\n")[2])
