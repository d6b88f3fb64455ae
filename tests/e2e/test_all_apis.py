"""One worker, every API, a tenth of the calls disturbed: each run ends once, and the bill is the provider's own."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.records import read_topic
from tests.e2e.workplace import Mock, Workplace, mock_provider

_REQUESTS = int(os.environ.get("STREAMPROC_TEST_REQUESTS", "400"))
_MODEL = "mock-t12-i2-f2"
_EMBEDDER = "mock-t0-i0-f1"

# A word of 5 MB is one of the faults: kept whole, a few of them would push the first results out of a small broker.
_LIMITS = """
[limits]
max_answer_characters = 100000
"""

_PROVIDER = """
[providers.{name}]
kind = "{kind}"
base_url = "{url}"
models = ["{model}", "{embedder}"]
prices."{model}" = {{ input_usd = 1.0, output_usd = 2.0 }}
prices."{embedder}" = {{ input_usd = 1.0, output_usd = 0.0 }}
"""

_KINDS = {
    "chat": "openai_chat",
    "responses": "openai_responses",
    "completions": "openai_completions",
    "anthropic": "anthropic",
    "ollama": "ollama",
}
_UNDER_V1 = ("chat", "responses", "completions")

_TALK = {"messages": [{"role": "user", "content": "a few words, please"}]}
_TEXT = {"text": "once upon a time"}
_VECTORS = {"input": ["one text", "and another one"]}

_SHAPES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("openai_chat", f"chat/{_MODEL}", _TALK),
    ("openai_chat", f"chat/{_MODEL}", {**_TALK, "stream": False}),
    ("openai_responses", f"responses/{_MODEL}", _TALK),
    ("openai_responses", f"responses/{_MODEL}", {**_TALK, "stream": False}),
    ("openai_completions", f"completions/{_MODEL}", _TEXT),
    ("anthropic", f"anthropic/{_MODEL}", _TALK),
    ("anthropic", f"anthropic/{_MODEL}", {**_TALK, "stream": False}),
    ("ollama_chat", f"ollama/{_MODEL}", _TALK),
    ("ollama_generate", f"ollama/{_MODEL}", _TEXT),
    ("openai_embeddings", f"chat/{_EMBEDDER}", _VECTORS),
    ("ollama_embed", f"ollama/{_EMBEDDER}", _VECTORS),
)


@pytest.fixture
def mock(tmp_path: Path) -> Iterator[Mock]:
    """A mock provider that disturbs a tenth of the calls."""
    with mock_provider(tmp_path, "--fault", "mixed:0.1", "--seed", "7") as mock:
        yield mock


def test_every_run_ends_once_and_the_bill_is_the_providers(
    bootstrap: str, topic_prefix: str, tmp_path: Path, mock: Mock
) -> None:
    """Whatever a call meets; lines of basis `provider` have the mock's own figures, to the token."""
    settings = _LIMITS + "".join(
        _PROVIDER.format(
            name=name,
            kind=kind,
            url=mock.url if name in _UNDER_V1 else f"http://{mock.address}",
            model=_MODEL,
            embedder=_EMBEDDER,
        )
        for name, kind in _KINDS.items()
    )
    asked = [_SHAPES[number % len(_SHAPES)] for number in range(_REQUESTS)]
    lines = [
        json.dumps({"request_id": f"r{number}", "model": model, **form})
        for number, (_, model, form) in enumerate(asked)
    ]
    with Workplace(tmp_path, bootstrap, topic_prefix, settings) as place:
        worker = place.start_worker().wait_until_ready()
        said = place.say("submit", "-", "--output", "answers.jsonl", stdin="\n".join(lines))
        assert said.code in {0, 1}, said
        assert worker.stop() == 0
        results = [record.json() for record in read_topic(bootstrap, place.topic("results"))]
        usage = [record.json() for record in read_topic(bootstrap, place.topic("usage"))]
        dead = read_topic(bootstrap, place.topic("dead"))

    assert Counter(result["request_id"] for result in results) == Counter(f"r{n}" for n in range(_REQUESTS))
    statuses = Counter(result["status"] for result in results)
    assert statuses.keys() <= {"completed", "failed"}, statuses
    assert statuses["completed"] > 0.9 * _REQUESTS, statuses
    assert dead == []

    served = {call["client_request_id"]: call for call in mock.stats(calls=True)["calls"]}
    assert {call["shape"] for call in served.values()} == {shape for shape, _, _ in _SHAPES}
    assert len({line["usage_id"] for line in usage}) == len(usage)
    told = [line for line in usage if line["basis"] == "provider"]
    assert len(told) > 0.8 * _REQUESTS
    figures = {
        line["usage_id"]: (line["tokens"]["input"], line["tokens"]["output"], line["cost_nanos"]) for line in told
    }
    assert figures == {
        usage_id: (
            call["input_tokens"],
            call["output_tokens"],
            call["input_tokens"] * 1000 + call["output_tokens"] * 2000 * (call["shape"] not in _FREE_OUTPUT),
        )
        for usage_id in figures
        for call in (served[usage_id],)
    }
    # A call that was served whole, and told its usage, is on the bill with these figures and no others.
    clean = {usage_id for usage_id, call in served.items() if call["outcome"] == "completed" and not call["fault"]}
    assert clean <= figures.keys()


_FREE_OUTPUT = ("openai_embeddings", "ollama_embed")
