"""The main job, as a user does it: topics, a worker, a file of requests, a file of answers, and a bill that fits."""

import json
import os
import secrets
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.documents import batch_line, docstrings, native_request
from tests.e2e.program import PROGRAM, environment
from tests.e2e.records import chunk_texts, read_topic, result_counts
from tests.e2e.workplace import MOCK, Mock, Workplace, mock_provider

_MODEL = "mock-t20-i5-f10"
_COUNT = int(os.environ.get("STREAMPROC_TEST_REQUESTS", "300"))
_SLOW = "mock-t40-i25-f50"  # about a second


@pytest.fixture(scope="module")
def shared_mock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mock]:
    """A mock provider for all tests of this file."""
    with mock_provider(tmp_path_factory.mktemp("mock")) as mock:
        yield mock


@pytest.fixture
def mock(shared_mock: Mock) -> Mock:
    """A mock provider that counts from zero."""
    shared_mock.forget()
    return shared_mock


@pytest.fixture(scope="module")
def place(bootstrap: str, tmp_path_factory: pytest.TempPathFactory, shared_mock: Mock) -> Iterator[Workplace]:
    """A workplace with a running worker, for tests that do not stop it."""
    more = MOCK.format(url=shared_mock.url, model=_MODEL)
    with Workplace(tmp_path_factory.mktemp("place"), bootstrap, f"t{secrets.token_hex(4)}", more) as place:
        place.start_worker().wait_until_ready()
        yield place


def lines(count: int, model: str = _MODEL) -> list[str]:
    """Both forms in turns; a third of the Batch API lines is streamed."""
    made = []
    for number, text in enumerate(docstrings(count)):
        if number % 2:
            made.append(native_request(f"n-{number}", model, text, tenant="acme", max_output_tokens=19))
        else:
            made.append(batch_line(f"b-{number}", model, text, stream=number % 3 == 0, max_tokens=100))
    return made


def check_batch_output(line: dict[str, Any]) -> None:
    """The fields of OpenAI's Batch API output, https://platform.openai.com/docs/guides/batch."""
    assert line.keys() == {"id", "custom_id", "response", "error"}
    assert line["error"] is None
    assert line["response"]["status_code"] == 200
    assert line["response"]["request_id"] == line["id"]
    body = line["response"]["body"]
    assert body.keys() == {"id", "object", "created", "model", "choices", "usage"}
    assert body["object"] == "chat.completion"
    assert abs(body["created"] - time.time()) < 600
    (choice,) = body["choices"]
    assert choice.keys() == {"index", "message", "finish_reason"}
    assert choice["index"] == 0
    assert choice["message"]["role"] == "assistant"
    usage = body["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_a_file_of_requests_becomes_a_file_of_answers_and_a_bill(
    bootstrap: str, topic_prefix: str, tmp_path: Path, mock: Mock
) -> None:
    """Answers in the Batch API's output shape, each text as its chunks, sums as the provider counted."""
    asked = lines(_COUNT)
    (tmp_path / "requests.jsonl").write_text("\n".join(asked) + "\n", encoding="utf-8")
    with Workplace(tmp_path, bootstrap, topic_prefix, MOCK.format(url=mock.url, model=_MODEL)) as place:
        begin = time.monotonic()
        place.start_worker().wait_until_ready()
        ready_seconds = time.monotonic() - begin
        print(f"ready {ready_seconds:.2f} s after its start")
        assert ready_seconds < 15
        said = place.say("submit", "requests.jsonl", "--output", "answers.jsonl")
    assert said.code == 0, said
    answers = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text().splitlines()]
    for line in answers:
        check_batch_output(line)
    ids = [line.get("custom_id") or line["request_id"] for line in map(json.loads, asked)]
    assert sorted(line["custom_id"] for line in answers) == sorted(ids)

    bodies = {line["id"]: line["response"]["body"] for line in answers}
    assert Counter(body["choices"][0]["finish_reason"] for body in bodies.values()) == {
        "stop": _COUNT // 2,
        "length": _COUNT // 2,
    }
    stats = mock.stats()
    assert (stats["requests"], stats["completed"]) == (_COUNT, _COUNT)
    told = [body["usage"] for body in bodies.values()]
    assert sum(usage["prompt_tokens"] for usage in told) == stats["input_tokens"]
    assert sum(usage["completion_tokens"] for usage in told) == stats["output_tokens"]

    usage_lines = [stored.json() for stored in read_topic(place.bootstrap, place.topic("usage"))]
    assert len({line["usage_id"] for line in usage_lines}) == len(usage_lines) == _COUNT
    assert {line["basis"] for line in usage_lines} == {"provider"}
    assert sum(line["tokens"]["input"] for line in usage_lines) == stats["input_tokens"]
    assert sum(line["tokens"]["output"] for line in usage_lines) == stats["output_tokens"]
    cost = 1000 * stats["input_tokens"] + 2000 * stats["output_tokens"]
    assert sum(line["cost_nanos"] for line in usage_lines) == cost
    assert {line["tenant"] for line in usage_lines} == {"acme", "default"}
    assert said.err.splitlines()[0] == f"sent {_COUNT} requests"
    assert said.err.splitlines()[-1].startswith(
        f"{_COUNT} completed, 0 not; {stats['input_tokens']} input and {stats['output_tokens']} output tokens, $"
    )

    streams = chunk_texts(read_topic(place.bootstrap, place.topic("chunks")))
    results = [stored.json() for stored in read_topic(place.bootstrap, place.topic("results"))]
    assert len({result["run_id"] for result in results}) == len(results) == _COUNT
    for result in results:
        assert bodies[result["run_id"]]["choices"][0]["message"]["content"] == result["text"]
        if result["chunk_count"]:
            assert streams[(result["run_id"], result["attempt"])] == result["text"]
    assert (
        sum(result["chunk_count"] > 0 for result in results) == len(streams) == _COUNT // 2 + len(range(0, _COUNT, 6))
    )


def test_standard_input_is_submitted_and_waited_for(place: Workplace) -> None:
    """`submit - --output`: one answer for each line that was piped in."""
    said = place.say("submit", "-", "-o", "out.jsonl", stdin="\n".join(lines(10)))
    assert said.code == 0, said
    assert len((place.folder / "out.jsonl").read_text().splitlines()) == 10
    assert said.out == ""


def texts_of(place: Workplace) -> dict[str, str]:
    """The texts of all completed answers, by request id."""
    results = [stored.json() for stored in read_topic(place.bootstrap, place.topic("results"))]
    return {result["request_id"]: result["text"] for result in results if result["status"] == "completed"}


def test_tokens_are_shown_while_they_come(place: Workplace) -> None:
    """`submit --follow`: one answer as it is, several ones line by line with their names."""
    one = place.say("submit", "-", "--follow", stdin=native_request("solo", _MODEL, "a docstring"))
    assert one.code == 0, one
    assert one.out == texts_of(place)["solo"] + "\n"

    two = "\n".join(native_request(name, _MODEL, name) for name in ("red", "blue"))
    several = place.say("submit", "-", "--follow", stdin=two)
    assert several.code == 0, several
    texts = texts_of(place)
    assert sorted(several.out.splitlines()) == sorted(f"{name}: {texts[name]}" for name in ("red", "blue"))


def test_runs_are_followed_later_by_their_ids(place: Workplace) -> None:
    """`submit` prints run ids, `follow -` reads them, with tokens or as JSON lines; finished runs are found, too."""
    submitted = place.say("submit", "-", stdin="\n".join(lines(8)))
    assert submitted.code == 0, submitted
    assert submitted.err == "sent 8 requests\n"
    assert len(submitted.out.splitlines()) == 8
    as_json = place.say("follow", "-", "--json", stdin=submitted.out)
    assert as_json.code == 0, as_json
    results = [json.loads(line) for line in as_json.out.splitlines()]
    assert sorted(result["run_id"] for result in results) == sorted(submitted.out.splitlines())
    assert {result["status"] for result in results} == {"completed"}
    assert as_json.err.startswith("8 completed, 0 not; ")

    streamed = next(result for result in results if result["chunk_count"])
    again = place.say("follow", streamed["run_id"])
    assert again.code == 0, again
    assert again.out == streamed["text"] + "\n"


def test_a_request_that_is_not_completed_shows_in_the_exit_code(place: Workplace) -> None:
    """A model that nobody has: the answer is an error line, and the command says 1."""
    two = "\n".join([native_request("good", _MODEL, "text"), native_request("bad", "no-such-model", "text")])
    said = place.say("submit", "-", "-o", "out.jsonl", stdin=two)
    assert said.code == 1, said
    answers = {
        line["custom_id"]: line for line in map(json.loads, (place.folder / "out.jsonl").read_text().splitlines())
    }
    check_batch_output(answers["good"])
    assert answers["bad"]["response"] is None
    assert answers["bad"]["error"]["code"] == "unknown_model"


def test_a_stopped_worker_leaves_the_rest_to_the_next_one(
    bootstrap: str, topic_prefix: str, tmp_path: Path, mock: Mock
) -> None:
    """SIGTERM: what runs is finished, exit code 0; after a restart every run has its result, and none has two.

    The committed offset stands at the first unfinished record; without the map beside it, what was finished above it
    was answered, and paid for, again at every deploy.
    """
    more = MOCK.format(url=mock.url, model=_SLOW) + "[worker]\nmax_running = 20\n"
    with Workplace(tmp_path, bootstrap, topic_prefix, more) as place:
        worker = place.start_worker().wait_until_ready()
        submitted = place.say("submit", "-", stdin="\n".join(lines(80, _SLOW)))
        give_up = time.monotonic() + 30
        while mock.stats()["completed"] < 10 and time.monotonic() < give_up:
            time.sleep(0.05)
        assert worker.stop() == 0
        (stopped,) = worker.lines("stopped")
        first = result_counts(bootstrap, place.topic("results"))
        assert stopped["cut"] == 0
        assert 10 <= first.total() == len(first) < 80
        assert mock.stats()["completed"] == mock.stats()["requests"] == first.total()

        place.start_worker()
        followed = place.say("follow", "-", "--json", stdin=submitted.out)
        assert followed.code == 0, followed.err
        runs = submitted.out.split()
        results = result_counts(bootstrap, place.topic("results"))
        assert results.keys() == set(runs)
        assert results.total() == len(runs)
        assert mock.stats()["completed"] == results.total()


def test_who_stops_waiting_loses_nothing(bootstrap: str, topic_prefix: str, tmp_path: Path, mock: Mock) -> None:
    """Ctrl-C on `submit --wait`: a sentence, exit code 130, and the requests are answered all the same."""
    with Workplace(tmp_path, bootstrap, topic_prefix, MOCK.format(url=mock.url, model=_SLOW)) as place:
        (tmp_path / "requests.jsonl").write_text("\n".join(lines(12, _SLOW)))
        words = tmp_path / "words"
        with words.open("wb") as err:
            waiting = subprocess.Popen(
                (PROGRAM, "submit", "requests.jsonl", "--wait"), cwd=tmp_path, env=environment(), stderr=err
            )
        try:
            give_up = time.monotonic() + 30
            while b"sent 12 requests" not in words.read_bytes() and time.monotonic() < give_up:
                time.sleep(0.02)
            waiting.send_signal(signal.SIGINT)
            assert waiting.wait(20) == 130
        finally:
            waiting.kill()
            waiting.wait()
        said = words.read_text()
        assert "stopped waiting: 0 completed, 0 not, 12 without a result" in said
        assert said.rstrip().endswith("the rest goes on in the workers")
        assert "Traceback" not in said
        place.start_worker()
        requests = read_topic(bootstrap, place.topic("requests"))
        followed = place.say("follow", "-", stdin="\n".join(stored.run_id for stored in requests))
        assert followed.err.startswith("12 completed, 0 not; ")
