"""Any byte string on a request topic is safe: a clear refusal, and the worker goes on."""

import hashlib
import json
import os
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.e2e.hostile_bytes import FREE_MODEL, MODEL, Sent, make_records
from tests.e2e.oracle import Oracle
from tests.e2e.records import Stored, read_topic, send
from tests.e2e.workplace import MOCK, Worker, Workplace, mock_provider

_SCHEMA = Path(__file__).parents[2] / "schemas/request.json"
_COUNT = 500
_PARTITIONS = 4


def test_every_byte_string_gets_one_fitting_result(bootstrap: str, topic_prefix: str, tmp_path: Path) -> None:
    """500 records, wrong in every way: each has one result, each refused one is untouched among the dead letters."""
    seed = int(os.environ.get("STREAMPROC_TEST_SEED", "20260131"))
    print(f"STREAMPROC_TEST_SEED={seed}")
    records = make_records(random.Random(seed), _COUNT)
    with (
        mock_provider(tmp_path) as mock,
        Workplace(
            tmp_path, bootstrap, topic_prefix, MOCK.format(url=mock.url, model="mock"), partitions=_PARTITIONS
        ) as place,
    ):
        send(
            bootstrap,
            place.topic("requests"),
            [(*sent[1:], number % _PARTITIONS) for number, sent in enumerate(records)],
        )
        worker = place.start_worker().wait_until_ready()
        _wait_until_done(worker)
        assert worker.metric("streamproc_partition_lag") == 0
        assert worker.get("/healthz") is not None
        assert worker.stop() == 0
        requests = read_topic(bootstrap, place.topic("requests"))
        results = read_topic(bootstrap, place.topic("results"))
        dead = read_topic(bootstrap, place.topic("dead"))
    assert len(requests) == _COUNT
    fates = _judged(records, requests)
    print(Counter(fates.values()))
    assert {"completed", "rejected"} <= set(fates.values())

    found = {stored.json()["run_id"]: stored.json()["status"] for stored in results}
    assert len(found) == len(results) == _COUNT
    differing = {run: (fates[run], status) for run, status in found.items() if fates[run] != status}
    assert not differing, [
        (run, *told, next(r.value for r in requests if r.run_id == run)) for run, told in differing.items()
    ][:3]

    reasons = {stored.json()["run_id"]: stored.json().get("error") for stored in results}
    letters = {dict(letter.headers)["dlq.run_id"].decode(): letter for letter in dead}
    assert len(letters) == len(dead)
    assert letters.keys() == {run for run, fate in fates.items() if fate == "rejected"}
    for request in requests:
        if request.run_id in letters:
            _check_letter(letters[request.run_id], request, reasons[request.run_id])


def _wait_until_done(worker: Worker) -> None:
    give_up = time.monotonic() + 60
    while (worker.metric("streamproc_runs_total") or 0) < _COUNT or worker.metric("streamproc_partition_lag") != 0:
        assert worker.process.is_running, worker.process.last_words()
        assert time.monotonic() < give_up, f"{worker.metric('streamproc_runs_total')} runs after 60 s"
        time.sleep(0.1)


def _judged(records: list[Sent], requests: list[Stored]) -> dict[str, str]:
    """The fate that each run must have, by the oracle; a named fault is never valid."""
    models = {f"{prefix}{model}" for prefix in ("", "mock/") for model in ("mock", MODEL)}
    oracle = Oracle(json.loads(_SCHEMA.read_bytes()), models)
    assert FREE_MODEL not in models
    named = {(sent.key, sent.value) for sent in records if sent.kind in ("named", "tombstone", "empty")}
    fates = {}
    for request in requests:
        fates[request.run_id] = oracle.fate(request.value, request.headers)
        if (request.key, request.value) in named:
            assert fates[request.run_id] == "rejected", request.value
    return fates


def _check_letter(letter: Stored, request: Stored, error: dict[str, str]) -> None:
    """Bytes, key and headers as they came, and the reason beside them."""
    own = tuple((name, content) for name, content in letter.headers if not name.startswith("dlq."))
    told = {name.removeprefix("dlq."): content.decode() for name, content in letter.headers if name.startswith("dlq.")}
    assert told["reason"] == error["sentence"]
    assert told["code"] == error["code"]
    assert error["class"] == "InvalidRequest"
    assert told["reason"].isprintable()
    assert (told["topic"], told["partition"], told["offset"], told["timestamp_ms"]) == (
        request.topic,
        str(request.partition),
        str(request.offset),
        str(request.timestamp_ms),
    )
    assert letter.partition == request.partition
    if told["by_reference"] == "true":
        assert len(request.value or b"") > 950_000
        assert letter.json()["sha256"] == hashlib.sha256(request.value or b"").hexdigest()
        return
    assert (letter.key, letter.value) == (request.key, request.value)
    assert own == tuple((name, content) for name, content in request.headers if not name.startswith("dlq."))


pytestmark = pytest.mark.timeout(180)
