"""Budgets, as an operator meets them: see the kill switch, raise the cap, stop, resume."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.program import run, sentence_of
from tests.e2e.workplace import MOCK, Workplace, mock_provider
from tests.servers.network import wait_until

MODEL = "mock-t3-i0-f0"
_BUDGETS = """
[budgets]
kill_at = 0.005
caps = [{ scope = "tenant=*", window = "day", usd = 0.0013 }]
"""
"""Room for one worst case of a call, which is mostly the allowance for its prompt; its real cost passes the switch."""


@pytest.fixture
def place(bootstrap: str, topic_prefix: str, tmp_path: Path) -> Iterator[Workplace]:
    """A workplace with a budget that is too small."""
    with mock_provider(tmp_path) as mock:
        settings = MOCK.format(url=mock.url, model="mock-t4-i0-f0") + _BUDGETS
        with Workplace(tmp_path, bootstrap, topic_prefix, settings) as place:
            yield place


def ask(place: Workplace, name: str) -> str:
    """What becomes of a request of acme."""
    request = {
        "request_id": name,
        "tenant": "acme",
        "model": MODEL,
        "max_output_tokens": 4,
        "messages": [{"role": "user", "content": "hello"}],
    }
    said = place.say("submit", "-", "--output", "results.jsonl", stdin=json.dumps(request))
    assert said.code in (0, 1), said
    results = (place.folder / "results.jsonl").read_text().splitlines()
    (place.folder / "results.jsonl").unlink()
    error = json.loads(results[0]).get("error")
    return "completed" if error is None else str(error["code"])


def shown(place: Workplace) -> list[dict[str, Any]]:
    """What `budget show --json` says."""
    said = place.say("budget", "show", "--json")
    assert said.code == 0, said
    return [json.loads(line) for line in said.out.splitlines()]


def test_a_budget_that_is_too_small_is_seen_raised_stopped_and_resumed(place: Workplace) -> None:
    """Each word holds soon after it was said."""
    worker = place.start_worker().wait_until_ready()

    def say(*words: str) -> None:
        heard = len(worker.lines("budgets"))
        said = place.say("budget", *words)
        assert said.code == 0, said
        wait_until(lambda: len(worker.lines("budgets")) > heard, worker.process, "the word")

    assert [ask(place, "a"), ask(place, "b")] == ["completed", "budget_refused"]
    (found,) = shown(place)
    assert (found["scope"], found["name"], found["window"], found["state"]) == ("tenant", "acme", "day", "killed")
    assert found["cap"] == 1_300_000
    assert found["settled"] > 0
    say("set", "tenant=acme", "--window", "day", "--usd", "0.01")
    assert ask(place, "c") == "completed"
    say("stop", "tenant=acme")
    assert ask(place, "d") == "budget_refused"
    assert [line["state"] for line in shown(place)] == ["stopped"]
    say("resume", "tenant=acme")
    assert ask(place, "e") == "completed"
    say("set", "tenant=acme", "--window", "day", "--default", "usd")
    (found,) = shown(place)
    assert (found["cap"], found["state"]) == (1_300_000, "open")  # its kill switch is lifted for today
    said = place.say("budget", "show")
    assert said.out.startswith("tenant acme\tday\t$0.0000")
    assert worker.metric("llm_budget_refused_total") == 2


def test_words_on_scopes_without_a_call_are_shown(bootstrap: str, topic_prefix: str, tmp_path: Path) -> None:
    """An operator who has just stopped somebody looks whether it is so."""
    with Workplace(tmp_path, bootstrap, topic_prefix, "[budgets]\nenabled = true\n") as place:
        for words in (
            ("topics", "create"),
            ("budget", "stop", "tenant=*"),
            ("budget", "set", "user=bob", "--tenant", "acme", "--window", "month", "--tokens", "50"),
        ):
            assert place.say(*words).code == 0
        said = place.say("budget", "show")
        assert said.out.splitlines() == [
            "user bob of tenant acme\tmonth\t0 tokens\t50 tokens\t50 tokens\topen",
            "tenant *\t-\t-\t-\t-\tstopped",
        ]
        assert [(row["scope"], row["name"], row["settled"]) for row in shown(place)] == [
            ("user", "bob", 0),
            ("tenant", "*", None),
        ]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("set", "tenant=acme", "--window", "day"), "give --usd, --tokens or --default, one of them"),
        (("set", "tenant=acme", "--window", "day", "--usd", "-1"), "a cap must be a number from 0 on"),
        (("set", "tenant=acme", "--window", "day", "--usd", "nan"), "a cap must be a number from 0 on"),
        (("set", "tenant=acme", "--window", "day", "--usd", "1e300"), "at most 9,000,000,000 dollars"),
        (("set", "tenant=acme", "--window", "day", "--tokens", str(2**63)), "a cap must be a number from 0 on"),
        (("set", "global", "--window", "day", "--usd", "1e-12"), "--usd: 1e-12 is less than a nano-dollar, the least"),
        (("stop", "acme"), "--scope: 'acme' is no scope; write global, tenant=NAME"),
        (("stop", "global", "--tenant", "acme"), "--scope: a tenant goes with the scope of a user only"),
        (("resume", "user=a", "--tenant", "a b"), "--tenant: must be 1 to 128 letters, digits or any of ._:@/-"),
        (("stop", "global", "--note", ""), "--note: must be text of 1 to 256 characters"),
        (("stop", "global", "--note", "x" * 257), "--note: must be text of 1 to 256 characters"),
    ],
)
def test_a_word_that_makes_no_sense_is_refused(words: tuple[str, ...], sentence: str, tmp_path: Path) -> None:
    """Before anybody looks for Kafka."""
    (tmp_path / "streamproc.toml").write_text("[budgets]\nenabled = true\n")
    said = run(*("budget", *words), folder=tmp_path)
    assert sentence in sentence_of(said)


def test_without_budgets_there_is_nothing_to_say(tmp_path: Path) -> None:
    """The workers would not hear it."""
    (tmp_path / "streamproc.toml").write_text("")
    for words in (("show",), ("stop", "global")):
        assert sentence_of(run("budget", *words, folder=tmp_path)).startswith("these settings have no budgets: add")
