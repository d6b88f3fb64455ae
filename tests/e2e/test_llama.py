"""The main job against a real model server, llama.cpp, whose model is known word by word."""

import json
import os
import re
import urllib.request
from pathlib import Path

from tests.e2e.documents import batch_line, docstrings, native_request, question
from tests.e2e.records import chunk_texts, read_topic
from tests.e2e.workplace import Workplace
from tests.servers.llama_words import WORDS, answer

_COUNT = int(os.environ.get("STREAMPROC_TEST_REQUESTS", "100"))
_PROMPT_BYTES = 700  # a slot of the server holds 1,024 tokens, and a byte is one

_PROVIDER = """
[providers.llama]
base_url = "{url}"
models = ["counting"]
max_tokens_field = "max_tokens"
keep_alive = false
prices.counting = {{ input_usd = 0.1, output_usd = 0.3 }}
"""


def test_a_real_server_answers_and_its_tokens_are_billed(
    kafka: str, llama: str, topic_prefix: str, tmp_path: Path
) -> None:
    """Docstrings: each answer as the model must give it and as its chunks; tokens as the server counted them."""
    texts = _texts(_COUNT)
    asked = [
        (native_request if number % 2 else batch_line)(str(number), "counting", text, stream=number % 4 != 0)
        for number, text in enumerate(texts)
    ]
    before = _served(llama)
    with Workplace(tmp_path, kafka, topic_prefix, _PROVIDER.format(url=llama)) as place:
        worker = place.start_worker().wait_until_ready()
        said = place.say("submit", "-", "--output", "answers.jsonl", stdin="\n".join(asked))
        assert said.code == 0, said
        retries = worker.metric("streamproc_retries_total")
        calls = worker.lines("call")
        assert worker.stop() == 0
        results = [stored.json() for stored in read_topic(kafka, place.topic("results"))]
        usage = [stored.json() for stored in read_topic(kafka, place.topic("usage"))]
        chunks = read_topic(kafka, place.topic("chunks"))
    print(f"{len(calls)} calls, retries: {retries}, outcomes: { {call['outcome'] for call in calls} }")

    told_of = {(result["run_id"], result["attempt"]) for result in results}
    streams = chunk_texts(chunk for chunk in chunks if (chunk.json()["run_id"], chunk.json()["attempt"]) in told_of)
    assert sorted(int(result["request_id"]) for result in results) == list(range(_COUNT))
    for result in results:
        prompt = question(texts[int(result["request_id"])])
        assert result["text"].strip() == answer(int(prompt[-1]))
        assert result["finish_reason"] == "stop"
        assert result["input_tokens"] == len(prompt.encode()) + 1
        assert result["output_tokens"] == WORDS + 1
        if result["chunk_count"]:
            assert streams[(result["run_id"], result["attempt"])] == result["text"]
    answers = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text().splitlines()]
    told = [line["response"]["body"]["usage"] for line in answers]
    assert len(told) == _COUNT

    output_tokens = _served(llama) - before
    assert sum(line["tokens"]["output"] for line in usage) == output_tokens
    assert sum(part["completion_tokens"] for part in told) == output_tokens
    prompts = sum(len(question(text).encode()) + 1 for text in texts)
    assert sum(line["tokens"]["input"] for line in usage) == sum(part["prompt_tokens"] for part in told) == prompts
    assert sum(line["cost_nanos"] for line in usage) == 100 * prompts + 300 * output_tokens
    assert {line["basis"] for line in usage} == {"provider"}


def _texts(count: int) -> list[str]:
    """Docstrings that fit, each with the digit at its end that picks the model's sentence."""
    short = [text.encode()[:_PROMPT_BYTES].decode(errors="ignore") for text in docstrings(count)]
    return [f"{text}\n{number % 10}" for number, text in enumerate(short)]


def _served(llama: str) -> int:
    """Tokens the server has generated so far, by its own count."""
    address = llama.removeprefix("http://").removesuffix("/v1")
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as response:
        return int(re.findall(r"^llamacpp:tokens_predicted_total (\d+)$", response.read().decode(), re.MULTILINE)[0])
