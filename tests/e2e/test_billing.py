"""The bill, as its owner does it: answers by a worker, `billing run`, reports, verification, reconciliation."""

import csv
import json
import secrets
import urllib.request
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

from streamproc.records.codec import encode_usage
from tests.e2e.documents import native_request
from tests.e2e.program import sentence_of, start
from tests.e2e.records import read_topic, send
from tests.e2e.workplace import MOCK, Mock, Workplace, mock_provider
from tests.lines import a_line
from tests.servers.network import wait_until

_MODEL = "mock-t20-i1-f2"


@pytest.fixture(scope="module")
def mock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mock]:
    """A mock provider for all tests of this file."""
    with mock_provider(tmp_path_factory.mktemp("mock")) as mock:
        yield mock


@pytest.fixture(scope="module")
def billed(bootstrap: str, tmp_path_factory: pytest.TempPathFactory, mock: Mock) -> Iterator[Workplace]:
    """A workplace whose bill holds 31 answers of a worker for two tenants; one has no price."""
    mock.forget()
    folder = tmp_path_factory.mktemp("billed")
    prefix = f"t{secrets.token_hex(4)}"
    # A setting without a table has to stand before the tables.
    with Workplace(folder, bootstrap, prefix) as place:
        settings = place.settings.read_text(encoding="utf-8")
        place.settings.write_text("allow_unpriced = true\n" + settings + MOCK.format(url=mock.url, model=_MODEL))
        requests = [
            native_request(f"r-{number}", _MODEL, f"some words {number}", tenant=("acme", "zoo")[number % 2])
            for number in range(30)
        ]
        requests.append(native_request("r-free", "mock-free", "no price", tenant="zoo"))
        (folder / "requests.jsonl").write_text("\n".join(requests), encoding="utf-8")
        worker = place.start_worker().wait_until_ready()
        done = place.say("submit", "requests.jsonl", "--wait")
        assert done.code == 0, done
        assert worker.stop() == 0
        said = place.say("billing", "run", "--until-end")
        assert (said.code, said.out.split(",")[0]) == (0, "31 lines put on the bill"), said
        yield place


def test_a_second_run_finds_nothing_new(billed: Workplace) -> None:
    """Also when it reads the whole topic again."""
    assert billed.say("billing", "run", "--until-end").out.startswith("0 lines put on the bill, 0 were there already")
    again = billed.say("billing", "run", "--until-end", "--from-beginning")
    assert (again.code, again.out) == (0, "0 lines put on the bill, 31 were there already; 0 offsets left\n")


def test_a_report_in_three_forms(billed: Workplace) -> None:
    """All with the same numbers, which are those of the topic; what has no price is unknown, and not zero."""
    lines = [stored.json() for stored in read_topic(billed.bootstrap, billed.topic("usage"))]
    costs = {
        tenant: sum(line["cost_nanos"] or 0 for line in lines if line["tenant"] == tenant) for tenant in ("acme", "zoo")
    }
    told = json.loads(billed.say("billing", "report", "--by", "tenant", "--format", "json").out)
    assert {row["tenant"]: row["cost_nanos"] for row in told["rows"]} == costs
    assert (told["total"]["lines"], told["total"]["unpriced"], told["total"]["cost_nanos"]) == (
        31,
        1,
        sum(costs.values()),
    )
    rows = list(csv.DictReader(StringIO(billed.say("billing", "report", "--by", "model", "--format", "csv").out)))
    assert [(row["model"], row["lines"], row["cost_usd"]) for row in rows] == [
        ("mock-free", "1", ""),
        (_MODEL, "30", f"{sum(costs.values()) / 1e9:.9f}".rstrip("0")),
    ]
    table = billed.say("billing", "report", "--by", "model,day,feature,user").out.splitlines()
    head = "MODEL DAY FEATURE USER LINES INPUT OUTPUT COST PROVIDER ESTIMATED UPPER BOUND CACHE UNPRICED"
    assert table[0].split() == head.split()
    assert table[1].split()[0] == "mock-free"
    assert "unknown" in table[1]
    assert table[-1].startswith("TOTAL")


def test_the_bill_equals_the_topic(billed: Workplace) -> None:
    """For both tenants, to the nano-dollar."""
    said = billed.say("billing", "verify")
    assert (said.code, said.out.startswith("ok: bill and topic agree for 2 tenants, 31 lines")) == (0, True), said


def test_the_bill_equals_the_providers_own(billed: Workplace, mock: Mock) -> None:
    """Call by call, by usage id; and a call that the provider has and we have not is told."""
    bill = billed.folder / "stats.json"
    with urllib.request.urlopen(f"http://{mock.address}/stats?calls=1", timeout=10) as response:
        bill.write_bytes(response.read())
    said = billed.say("billing", "reconcile", "stats.json", "--provider", "mock")
    assert (said.code, said.out) == (
        0,
        "ok: 31 calls agree, 0 differ, 0 only on the bill, 0 only at the provider\n",
    ), said
    stats = json.loads(bill.read_text())
    stats["calls"][0] |= {"client_request_id": "llm.requests/0/0@0/0/0"}
    stats["calls"][1]["output_tokens"] += 1
    bill.write_text(json.dumps(stats))
    said = billed.say("billing", "reconcile", "stats.json", "--provider", "mock")
    assert said.code == 1
    kinds = [line.split("  ")[0] for line in said.out.splitlines()]
    assert kinds[:3] == ["DIFFERENT", "ONLY OURS", "ONLY THEIRS"]
    assert kinds[3] == "29 calls agree, 1 differ, 1 only on the bill, 1 only at the provider"


def test_the_bill_by_day_and_model(billed: Workplace) -> None:
    """Against an export of the form that OpenAI has: equal, and then with one request more."""
    told = json.loads(billed.say("billing", "report", "--by", "day,model", "--format", "json").out)
    results = [
        {
            "num_model_requests": row["lines"],
            "input_tokens": row["input_tokens"],
            "output_tokens": row["output_tokens"],
            "input_cached_tokens": row["cached_input_tokens"],
            "model": row["model"],
        }
        for row in told["rows"]
    ]
    assert len({row["day"] for row in told["rows"]}) == 1, "midnight came in between: say it again"
    day = read_topic(billed.bootstrap, billed.topic("usage"))[0].timestamp_ms // 86_400_000
    page = {"data": [{"start_time": day * 86_400, "results": results}], "has_more": False}
    export = billed.folder / "export.json"
    export.write_text(json.dumps(page))
    said = billed.say("billing", "reconcile", "export.json", "--provider", "mock")
    assert (said.code, said.out) == (0, "ok: 8 figures of 1 days agree\n"), said
    results[1]["num_model_requests"] += 1
    export.write_text(json.dumps(page))
    said = billed.say("billing", "reconcile", "export.json", "--provider", "mock")
    assert said.code == 1
    assert said.out.startswith("DIFFERENT  ")
    assert said.out.splitlines()[0].endswith(f"{_MODEL}  requests: ours 30, theirs 31, ours less theirs -1")


def test_a_job_that_runs_on_ends_with_a_signal(billed: Workplace, tmp_path: Path) -> None:
    """It serves its metrics meanwhile; an alarm is in them, in the log and in the exit code."""
    line = json.loads(read_topic(billed.bootstrap, billed.topic("usage"))[0].value or b"")
    changed = json.dumps(line | {"cost_nanos": 1}).encode()
    own = ("--config", str(billed.settings), "--store", f"sqlite:{tmp_path / 'own.sqlite'}")
    log = tmp_path / "job.log"
    job = start("billing", "run", *own, output=log, STREAMPROC_BILLING__METRICS_PORT="0")
    try:
        wait_until(lambda: b"billing started" in job.output.read_bytes(), job, "the job")
        send(billed.bootstrap, billed.topic("usage"), [(b"k", changed, (), 3)])
        wait_until(lambda: b'"conflict"' in job.output.read_bytes(), job, "the alarm")
        events = [json.loads(line) for line in job.output.read_text().splitlines() if line.startswith("{")]
        (port,) = (event["port"] for event in events if event["event"] == "serving metrics and health")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as response:
            assert b"\nstreamproc_billing_conflicts_total 1.0\n" in response.read()
        job.stop(20)
        assert job.exit_code == 1
        assert "NOT on the bill: 1 lines with the id of another one" in job.output.read_text()
        said = billed.say("billing", "verify", "--store", own[-1])
        assert (said.code, "\n1 lines of the topic are NOT on the bill: " in said.out) == (0, True), said
    finally:
        job.kill()


def test_a_record_that_cannot_be_read_is_told_with_its_place(bootstrap: str, tmp_path: Path) -> None:
    """The job stops before it, and `--skip-unreadable` goes on behind it with exit code 1; reports say so, too."""
    with Workplace(tmp_path, bootstrap, f"t{secrets.token_hex(4)}") as place:
        send(bootstrap, place.topic("usage"), [(b"k", encode_usage(a_line()), (), 2), (b"k", b"damaged", (), 2)])
        said = place.say("billing", "run", "--until-end")
        assert f"{place.topic('usage')} partition 2 offset 1 cannot be read: " in sentence_of(said)
        said = place.say("billing", "run", "--until-end", "--skip-unreadable")
        assert (said.code, "NOT on the bill: 1 records that cannot be read" in said.out) == (1, True), said
        said = place.say("billing", "report")
        assert (said.code, "1 records that cannot be read" in said.err) == (0, True), said
