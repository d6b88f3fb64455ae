"""Whether a model can answer: by its API, by its facts, and by what nobody said."""

from typing import Any

import pytest

from streamproc.providers.fit import Fit, fit
from streamproc.records.request import Request
from streamproc.settings.provider import ProviderSettings
from tests.fakes import a_request
from tests.unit.providers.test_facts import IMAGE, SCHEMA, TOOL

EVERYTHING = {"images": True, "tools": True, "json_schema": True, "context_tokens": 100}


def looked_at(request: Request, facts: dict[str, Any], kind: str = "openai_chat", tokens: int | None = 10) -> Fit:
    """What is found of a model with these facts."""
    provider = ProviderSettings.model_validate({"kind": kind, "models": ["m"], "facts": {"m": facts}})
    return fit(provider, "m", request, input_tokens=tokens, max_output_tokens=50, max_answer_characters=10**6)


WISHES = a_request(messages=[{"role": "user", "content": [IMAGE]}], tools=[TOOL], response_format=SCHEMA)
TEXTS = Request(request_id="a", model="m", input=["x"], stream=False)


def test_a_model_that_can() -> None:
    """Everything that is needed is said."""
    assert looked_at(WISHES, EVERYTHING) == Fit(None)
    assert looked_at(a_request(), {"context_tokens": 60}) == Fit(None)
    assert looked_at(TEXTS, EVERYTHING) == Fit(None)


def test_what_nobody_said_is_named_and_no_obstacle() -> None:
    """Only what the request needs."""
    assert looked_at(WISHES, {}) == Fit(None, frozenset({"images", "tools", "json_schema", "context_tokens"}))
    assert looked_at(a_request(), {}) == Fit(None, frozenset({"context_tokens"}))
    assert looked_at(a_request(), EVERYTHING, tokens=None) == Fit(None)


@pytest.mark.parametrize(
    ("request_", "facts", "kind", "words"),
    [
        (WISHES, {"tools": False}, "openai_chat", "tools: 'm' calls no tools"),
        (
            a_request(),
            {"context_tokens": 59},
            "openai_chat",
            "messages: prompt and answer may be longer than the context of 'm', 59 tokens",
        ),
        (a_request(service_tier="flex"), {}, "ollama", "service_tier: Ollama has none"),
        (TEXTS, {}, "anthropic", "input: this API makes no embeddings"),
        (a_request(), {"max_output_tokens": 1}, "scripted", None),
    ],
)
def test_a_model_that_cannot(request_: Request, facts: dict[str, Any], kind: str, words: str | None) -> None:
    """The sentence is the one that a worker would refuse with."""
    problem = looked_at(request_, facts, kind).problem
    assert problem is None if words is None else (problem or "").startswith(words)
