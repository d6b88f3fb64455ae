"""Requests that the mock provider's APIs refuse, or whose fields are of other types than they should be."""

import json

import pytest

from streamproc.mock.server import MockServer
from tests.unit.mock.exchange import ask
from tests.unit.mock.wire import ASKED, body_for


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        ("/v1/responses", {"model": "m"}, "'input' must be"),
        ("/v1/completions", {"model": "m", "prompt": []}, "'prompt' must be"),
        ("/v1/messages", {"model": "m", "messages": [{"role": "user", "content": "a"}]}, "max_tokens: Field required"),
        ("/v1/messages", {"model": "m", "max_tokens": 3}, "'messages' must be"),
        ("/api/chat", {"model": "m", "messages": ["a"]}, "'messages' must be"),
        ("/api/chat", {"messages": []}, "model"),
        ("/api/generate", {"model": "m", "prompt": 3}, "prompt of type string"),
        ("/v1/embeddings", {"model": "m", "input": [""]}, "'input' must be"),
        ("/v1/embeddings", {"model": "m", "input": "a", "dimensions": 0}, "'dimensions' must be"),
        ("/api/embed", {"model": "m"}, "'input' must be"),
    ],
)
async def test_a_body_that_the_api_refuses(mock: MockServer, path: str, body: dict[str, object], sentence: str) -> None:
    """400 with a sentence, in the form of the API."""
    head, _, content = (await ask(mock, json.dumps(body).encode(), path=path)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    error = json.loads(content)["error"]
    assert sentence in (error if path.startswith("/api") else error["message"])


@pytest.mark.parametrize("field", ["options", "stream_options", "system", "instructions"])
@pytest.mark.parametrize("path", ASKED)
async def test_fields_of_other_types_than_they_should_have(mock: MockServer, path: str, field: str) -> None:
    """They are as good as not there."""
    body = json.loads(body_for(path, "mock-t1-i0-f0", is_streamed=False)) | {field: [1]}
    assert (await ask(mock, body, path=path)).startswith(b"HTTP/1.1 200 ")
