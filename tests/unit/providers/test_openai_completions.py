"""Text completions: bodies of requests, and chunks of answers."""

from typing import Any

import orjson
import pytest

from streamproc.chain.provider import Completed, Text
from streamproc.errors import InvalidRequest
from streamproc.providers.openai_completions import OpenAICompletions
from streamproc.providers.openai_completions_request import ALLOWED_EXTRAS
from streamproc.providers.origin import Origin
from streamproc.records.request import Request
from streamproc.records.usage import TokenCounts
from tests.unit.providers.calls import a_call


def rendered(*, at_openai: bool = False, **fields: Any) -> dict[str, Any]:
    """The body of a call with these fields, which are allowed."""
    dialect, call = OpenAICompletions(is_openai=at_openai), a_call(text="once upon", **fields)
    dialect.check(call.request)
    body = orjson.loads(dialect.render(call))
    assert isinstance(body, dict)
    return body


def test_smallest_request() -> None:
    """The text is the prompt; model and output limit are always sent."""
    assert rendered() == {
        "prompt": "once upon",
        "model": "gpt-x",
        "max_tokens": 100,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert rendered(at_openai=True)["stream_options"] == {"include_usage": True, "include_obfuscation": False}
    assert "stream_options" not in rendered(stream=False, at_openai=True)


def test_every_field_that_shapes_the_answer() -> None:
    """They have the same names there."""
    fields: dict[str, Any] = {"temperature": 0.0, "top_p": 0.5, "stop": ["end"], "seed": 7, "user": "u-1"}
    extra = {"presence_penalty": 0.5, "logit_bias": {"50256": -100}, "top_k": 40}
    body = rendered(**fields, extra=extra, metadata={"k": "v"}, max_cost_usd=1.0)
    assert {name: body[name] for name in (*fields, *extra)} == {**fields, **extra}
    assert body.keys() == rendered().keys() | fields.keys() | extra.keys()


@pytest.mark.parametrize("name", ["n", "best_of", "echo", "suffix", "logprobs", "prompt", "max_tokens"])
def test_extra_option_off_the_list(name: str) -> None:
    """What multiplies or hides tokens is refused before the call, and would not be sent."""
    call = a_call(text="once upon", extra={name: 3})
    with pytest.raises(InvalidRequest, match=f"'{name}' cannot be passed on"):
        OpenAICompletions().check(call.request)
    assert orjson.loads(OpenAICompletions().render(call)).get(name) != 3


def test_a_conversation_is_refused() -> None:
    """One clear sentence says what to ask with."""
    with pytest.raises(InvalidRequest, match="ask with text") as refused:
        OpenAICompletions().check(a_call().request)
    assert refused.value.code == "option_not_supported"


def test_allowed_extras_cannot_replace_our_own_fields() -> None:
    """What the chain counts and bounds is not open to the request's extra options."""
    assert not ALLOWED_EXTRAS & (rendered().keys() | Request.model_fields.keys())


def test_chunks() -> None:
    """Text stands beside the finish reason; the shape is learned, so pieces are read the short way as well."""
    answer = OpenAICompletions().answer(Origin("p", None, str))
    pieces = ["a", "b", " c", "", 'd"text":"'] * 2
    events = []
    for piece in pieces:
        events += answer.read(orjson.dumps({"choices": [{"text": piece, "index": 0, "finish_reason": None}]}))
    assert answer._repetition.text(b'{"choices":[{"text":"z","index":0,"finish_reason":null}]}') == "z"
    events += answer.read(b'{"choices":[{"text":"e","finish_reason":"length"}],"model":"m-1"}')
    answer.read(b'{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2},"service_tier":"flex"}')
    answer.read(b"[DONE]")
    assert events == [Text(piece) for piece in [*pieces, "e"] if piece]
    assert answer.completed() == Completed(TokenCounts(input=7, output=2), "length", "m-1", "flex")
