"""The whole story of money, as a user lives it: an estimate, a budget that is too small, a raise, and a bill that fits.

Its commands are those of the example in docs/money.md, in the same order.
"""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.documents import docstrings, native_request
from tests.e2e.program import Said
from tests.e2e.records import read_topic
from tests.e2e.workplace import Mock, Worker, Workplace, mock_provider
from tests.servers.network import wait_until

_MODEL = "mock-t300-i0-f0"
_REQUESTS = 60
_LIMITS = (200, 500)
"""Of answers, in turns. The model says 300 tokens where it may."""

_INPUT_NANOS, _OUTPUT_NANOS = 2_500, 10_000  # for a token
_SMALL_NANOS, _LARGE_NANOS = 90_000_000, 170_000_000
"""The caps: the second one has room for all requests, and only beyond seven tenths, where its own kill switch falls."""

_SETTINGS = f"""
[providers.mock]
base_url = "{{url}}"
models = ["{_MODEL}"]
prices."{_MODEL}" = {{{{ input_usd = 2.5, output_usd = 10 }}}}

[budgets]
kill_at = 0.7
alerts = [0.5, 0.7]
caps = [{{{{ scope = "tenant=acme", window = "month", usd = 0.09 }}}}]
"""


@pytest.fixture
def mock(tmp_path: Path) -> Iterator[Mock]:
    """The provider, with a bill of its own."""
    with mock_provider(tmp_path) as mock:
        yield mock


@pytest.fixture
def place(bootstrap: str, topic_prefix: str, tmp_path: Path, mock: Mock) -> Iterator[Workplace]:
    """A workplace with a budget that is too small for its file of requests."""
    lines = [
        native_request(f"q-{number}", _MODEL, text[:400], tenant="acme", max_output_tokens=_LIMITS[number % 2])
        for number, text in enumerate(docstrings(_REQUESTS))
    ]
    (tmp_path / "requests.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with Workplace(tmp_path, bootstrap, topic_prefix, _SETTINGS.format(url=mock.url)) as place:
        yield place


def cost_nanos(counts: dict[str, Any]) -> int:
    """What a call, or the sum of many, costs by the provider's count."""
    return int(_INPUT_NANOS * counts["input_tokens"] + _OUTPUT_NANOS * counts["output_tokens"])


def estimated(place: Workplace) -> tuple[Decimal, Decimal]:
    """Nano-dollars of a request of the file: in the mean, when answers are guessed at 250 tokens, and at the worst."""
    load = ("--requests-per-day", str(_REQUESTS), "--output-tokens", "250")
    said = place.say("estimate", "requests.jsonl", *load, "--format", "json")
    assert said.code == 0, said
    plan = json.loads(said.out.splitlines()[0])
    return Decimal(plan["mean_usd"]) * 10**9, Decimal(plan["worst_usd"]) * 10**9


def submit(place: Workplace, file: str) -> tuple[Said, dict[str, str]]:
    """Submits a file and waits; gives what was said, and the codes of the requests without an answer."""
    said = place.say("submit", file, "--output", "answers.jsonl")
    answers = [json.loads(line) for line in (place.folder / "answers.jsonl").read_text().splitlines()]
    return said, {line["custom_id"]: line["error"]["code"] for line in answers if line["error"]}


def keep(place: Workplace, names: set[str]) -> None:
    """Puts the requests with these names into a file of their own, `again.jsonl`."""
    lines = (place.folder / "requests.jsonl").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if json.loads(line)["request_id"] in names]
    (place.folder / "again.jsonl").write_text("\n".join(kept), encoding="utf-8")


def shown(place: Workplace) -> dict[str, Any]:
    """The one budget that `budget show` tells."""
    said = place.say("budget", "show", "--json")
    assert said.code == 0, said
    (line,) = said.out.splitlines()
    budget: dict[str, Any] = json.loads(line)
    return budget


def say(place: Workplace, worker: Worker, *words: str) -> None:
    """Says an operator's word and waits until the worker has heard it."""
    heard = len(worker.lines("budgets"))
    said = place.say("budget", *words)
    assert said.code == 0, said
    wait_until(lambda: len(worker.lines("budgets")) > heard, worker.process, "the word")


def wait_for_alerts(place: Workplace, worker: Worker, count: int) -> list[tuple[int, str, bool]]:
    """Cap, share and whether the kill switch fell, of each alert, once there are so many."""
    wait_until(lambda: len(worker.lines("budget alert")) >= count, worker.process, "the alerts")
    found = [stored.json() for stored in read_topic(place.bootstrap, place.topic("alerts"))]
    return [(alert["cap"], alert["share"], alert["killed"]) for alert in found]


def test_a_file_is_estimated_refused_raised_answered_and_billed(place: Workplace, mock: Mock) -> None:
    """Each cap holds by the provider's own bill, every request is answered once, and no bill differs from another.

    A provider's bill only grows: what it says before a cap is raised is the most that it said under it. The second
    cap reaches seven tenths with its kill switch lifted: the alert of that said once that calls were refused, and none was.
    """
    worker = place.start_worker()
    mean, worst = estimated(place)
    worker.wait_until_ready()

    said, refused = submit(place, "requests.jsonl")
    assert said.code == 1, said
    assert set(refused.values()) == {"budget_refused"}
    spent = cost_nanos(mock.stats())
    assert 0.7 * _SMALL_NANOS <= spent <= _SMALL_NANOS
    budget = shown(place)
    assert (budget["state"], budget["settled"], budget["cap"]) == ("killed", spent, _SMALL_NANOS)
    fell = [(_SMALL_NANOS, "0.5", False), (_SMALL_NANOS, "0.7", True)]
    assert wait_for_alerts(place, worker, 2) == fell
    wait_until(lambda: worker.metric("llm_budget_stopped") == 1, worker.process, "the metric")
    assert worker.metric("llm_budget_refused_total") == len(refused)

    say(place, worker, "set", "tenant=acme", "--window", "month", "--usd", "0.17")
    say(place, worker, "resume", "tenant=acme")
    keep(place, set(refused))
    said, still_refused = submit(place, "again.jsonl")
    assert (said.code, still_refused) == (0, {}), said
    stats = mock.stats(calls=True)
    spent = cost_nanos(stats)
    assert stats["completed"] == stats["requests"] == _REQUESTS
    assert 0.7 * _LARGE_NANOS <= spent <= _LARGE_NANOS
    lifted = [(_LARGE_NANOS, "0.5", False), (_LARGE_NANOS, "0.7", False)]
    assert wait_for_alerts(place, worker, 4) == fell + lifted
    assert max(map(cost_nanos, stats["calls"])) <= worst
    assert abs(_REQUESTS * mean - spent) <= spent * Decimal("0.15")

    said = place.say("billing", "run", "--until-end")
    assert (said.code, said.out) == (0, "60 lines put on the bill, 0 were there already; 0 offsets left\n"), said
    said = place.say("billing", "verify")
    total = f"${Decimal(spent).scaleb(-9).normalize():f}"
    assert (said.code, said.out) == (0, f"ok: bill and topic agree for 1 tenants, 60 lines, {total}\n"), said
    (place.folder / "bill.json").write_text(json.dumps(stats), encoding="utf-8")
    said = place.say("billing", "reconcile", "bill.json", "--provider", "mock")
    agreed = "ok: 60 calls agree, 0 differ, 0 only on the bill, 0 only at the provider\n"
    assert (said.code, said.out) == (0, agreed), said
