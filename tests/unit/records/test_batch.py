"""OpenAI's Batch API lines: an input line becomes a request, a result becomes an output line."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from streamproc.errors import InvalidRequest
from streamproc.records.batch_output import encode_batch_output
from streamproc.records.request import Request
from streamproc.records.result import Failure, Result, ResultToolCall
from streamproc.records.vector import encode_vector
from tests.unit.records.requests import decoder

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
MESSAGES = [{"role": "user", "content": "x"}]


def read(body: dict[str, Any], /, **line: Any) -> Request:
    """The request of a batch line with this body."""
    usual = {"custom_id": "a 1", "method": "POST", "url": "/v1/chat/completions"}
    value = {**usual, "body": {"model": "m", "messages": MESSAGES, **body}, **line}
    return decoder().decode(json.dumps(value).encode())


def test_a_batch_line_becomes_a_request() -> None:
    """Its custom id is the request id; what it does not say is as in a request, but not streamed."""
    request = read({})
    assert (request.request_id, request.model, request.tenant, request.stream) == ("a 1", "m", "default", False)
    assert request.extra is None
    assert request.max_output_tokens is None


def test_a_batch_line_keeps_everything_that_shapes_the_answer() -> None:
    """Fields of our own name as they are, the others among the provider's options."""
    shared: dict[str, Any] = {
        "temperature": 0.5,
        "top_p": 0.25,
        "seed": 7,
        "user": "u",
        "metadata": {"a": "b"},
        "stream": True,
        "tool_choice": "none",
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object"}}},
    }
    extra = {
        "frequency_penalty": 1.0,
        "presence_penalty": -1.0,
        "logit_bias": {"5": -100.0},
        "parallel_tool_calls": False,
        "reasoning_effort": "low",
    }
    request = read({**shared, **extra, "n": 1})
    wanted = Request.model_validate_json(
        json.dumps({**shared, "request_id": "a 1", "model": "m", "messages": MESSAGES})
    )
    assert request.model_copy(update={"extra": None}) == wanted
    assert request.extra == extra


def line(url: str, body: dict[str, Any]) -> Request:
    """The request of a line with this address and body."""
    value = {"custom_id": "a 1", "method": "POST", "url": url, "body": {"model": "m", **body}}
    return decoder().decode(json.dumps(value).encode())


@pytest.mark.parametrize("prompt", ["go on", ["go on"]])
def test_a_line_for_a_text_completion_becomes_a_request(prompt: Any) -> None:
    """Its prompt is the text; one prompt in a list counts as one."""
    request = line("/v1/completions", {"prompt": prompt, "max_tokens": 9, "stop": "x", "presence_penalty": 1.0})
    assert (request.text, request.messages, request.max_output_tokens) == ("go on", [], 9)
    assert (request.stop, request.stream, request.extra) == (["x"], False, {"presence_penalty": 1.0})


@pytest.mark.parametrize("texts", ["a", ["a"]])
def test_a_line_for_embeddings_becomes_a_request(texts: Any) -> None:
    """One text is a list of one; the number of dimensions stays what it is."""
    request = line("/v1/embeddings", {"input": texts, "user": "u", "encoding_format": "float"})
    assert (request.input, request.user, request.stream, request.extra) == (["a"], "u", False, None)
    assert line("/v1/embeddings", {"input": texts, "dimensions": 256}).dimensions == 256


def test_a_batch_line_names_its_tier() -> None:
    """As in a request."""
    assert read({"service_tier": "flex"}).service_tier == "flex"


def test_vectors_are_numbers_in_the_output_line() -> None:
    """As OpenAI writes them, in the order of the texts."""
    vectors = [encode_vector((0.5, -1.0)), encode_vector((2.0,))]
    result = Result(run_id="r", status="completed", embeddings=vectors, model="m", input_tokens=3, finished_at=NOW)
    assert json.loads(encode_batch_output(result))["response"]["body"] == {
        "object": "list",
        "data": [
            {"object": "embedding", "index": 0, "embedding": [0.5, -1.0]},
            {"object": "embedding", "index": 1, "embedding": [2.0]},
        ],
        "model": "m",
        "usage": {"prompt_tokens": 3, "total_tokens": 3},
    }
    unknown = result.model_copy(update={"input_tokens": None})
    assert json.loads(encode_batch_output(unknown))["response"]["body"]["usage"] is None


def test_the_newer_name_of_the_output_limit_wins() -> None:
    """Either name alone is taken."""
    assert read({"max_tokens": 5}).max_output_tokens == 5
    assert read({"max_completion_tokens": 7}).max_output_tokens == 7
    assert read({"max_tokens": 5, "max_completion_tokens": 7}).max_output_tokens == 7


def test_one_stop_is_a_list_of_one() -> None:
    """Both of OpenAI's notations."""
    assert read({"stop": "x"}).stop == ["x"]
    assert read({"stop": ["x", "y"]}).stop == ["x", "y"]


@pytest.mark.parametrize(
    ("body", "line", "words"),
    [
        ({"n": 2}, {}, "body.n: "),
        ({"n": True}, {}, "body.n: "),
        ({"stop": ""}, {}, "body.stop"),
        ({"stop": "x" * 257}, {}, "body.stop"),
        ({"logprobs": True}, {}, "unknown field 'body.logprobs'"),
        ({}, {"url": "/v1/responses"}, "url: must be /v1/chat/completions, /v1/completions or /v1/embeddings"),
        ({}, {"url": ["/v1/completions"]}, "url: must be"),
        ({}, {"url": "/v1/completions"}, "body.prompt: "),
        ({"prompt": ["a", "b"]}, {"url": "/v1/completions"}, "body.prompt"),
        ({"prompt": "a", "best_of": 2}, {"url": "/v1/completions"}, "body.best_of: "),
        ({"prompt": "a", "logprobs": 1}, {"url": "/v1/completions"}, "unknown field 'body.logprobs'"),
        ({"input": [1, 2]}, {"url": "/v1/embeddings"}, "body.input"),
        ({"input": ""}, {"url": "/v1/embeddings"}, "body.input"),
        ({"input": "a", "encoding_format": "base64"}, {"url": "/v1/embeddings"}, "body.encoding_format: "),
        ({}, {"method": "GET"}, "method: "),
        ({}, {"custom_id": 5}, "custom_id: "),
        ({}, {"custom_id": "\n"}, "custom_id: "),
        ({}, {"body": None}, "body: "),
        ({}, {"request_id": "a"}, "unknown field 'request_id'"),
    ],
)
def test_a_line_that_cannot_be_priced_or_served_is_refused(
    body: dict[str, Any], line: dict[str, Any], words: str
) -> None:
    """The sentence names the field by its place in the line."""
    with pytest.raises(InvalidRequest) as caught:
        read(body, **line)
    assert words in str(caught.value)


def test_a_completed_result_is_an_output_line() -> None:
    """As OpenAI writes it: status 200 and a chat completion."""
    result = Result(
        run_id="t/0/1@5", request_id="a", status="completed", text="é", finish_reason="stop", model="m",
        input_tokens=3, output_tokens=2, finished_at=NOW,
    )  # fmt: skip
    line = json.loads(encode_batch_output(result))
    assert line["custom_id"] == "a"
    assert line["error"] is None
    assert line["response"]["status_code"] == 200
    body = line["response"]["body"]
    assert body["choices"] == [{"index": 0, "message": {"role": "assistant", "content": "é"}, "finish_reason": "stop"}]
    assert body["usage"] == {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    assert (body["model"], body["object"], body["created"]) == ("m", "chat.completion", int(NOW.timestamp()))
    assert b"\n" not in encode_batch_output(result)


def test_tool_calls_are_in_the_output_line() -> None:
    """Each with its id, name and arguments as text."""
    call = ResultToolCall(id="c", name="f", arguments="{}")
    result = Result(run_id="r", status="completed", text="", tool_calls=[call], finished_at=NOW)
    message = json.loads(encode_batch_output(result))["response"]["body"]["choices"][0]["message"]
    assert message["tool_calls"] == [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]


def test_unknown_usage_is_null_in_the_output_line() -> None:
    """Half a usage is none."""
    result = Result(run_id="r", status="completed", text="", input_tokens=3, finished_at=NOW)
    assert json.loads(encode_batch_output(result))["response"]["body"]["usage"] is None


def test_a_result_without_an_answer_is_an_error_line() -> None:
    """Code and sentence of the error; where there is none, the status."""
    error = Failure.model_validate({"class": "BadRequest", "code": "bad_request", "sentence": "no such model"})
    result = Result(run_id="r", request_id="a", status="failed", error=error, finished_at=NOW)
    line = json.loads(encode_batch_output(result))
    assert line["response"] is None
    assert line["error"] == {"code": "bad_request", "message": "no such model"}
    bare = Result(run_id="r", status="expired", finished_at=NOW)
    assert json.loads(encode_batch_output(bare))["error"] == {"code": "expired", "message": "expired"}
