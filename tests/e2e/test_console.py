"""Apache Kafka's own console tools as sender and reader: the documented headers and JSON are all one needs."""

import json
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.e2e.documents import batch_line, native_request
from tests.e2e.workplace import MOCK, Workplace, mock_provider
from tests.servers.kafka import installed
from tests.servers.process import ServerMissing

_MODEL = "mock-t3-i0-f0"
_TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
_PRODUCER = "org.apache.kafka.tools.ConsoleProducer"
_CONSUMER = "org.apache.kafka.tools.consumer.ConsoleConsumer"

Console = Callable[..., str]


class Printed(NamedTuple):
    """A line of the console consumer."""

    partition: str
    headers: dict[str, str]
    key: str
    value: str


@pytest.fixture
def console(kafka: str) -> Console:
    """Runs one of Kafka's console tools: a class, its arguments, and what is typed into it."""
    try:
        installation = installed()
    except ServerMissing as missing:
        pytest.skip(str(missing))
    archive = f"-XX:SharedArchiveFile={installation.archive}"

    def run(tool: str, *arguments: str, typed: str = "") -> str:
        command = installation.java.command(tool, "--bootstrap-server", kafka, *arguments, options=(archive,))
        done = subprocess.run(command, input=typed, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def _read(console: Console, topic: str, count: int) -> list[Printed]:
    """The first records of a topic, with everything the console consumer can print."""
    shown = [f"print.{part}=true" for part in ("partition", "headers", "key", "value")]
    properties = [word for part in shown for word in ("--property", part)]
    words = ("--topic", topic, "--from-beginning", "--max-messages", str(count), "--timeout-ms", "20000")
    out = console(_CONSUMER, *words, "--isolation-level", "read_committed", *properties)
    printed = []
    for line in out.splitlines():
        partition, headers, key, value = line.split("\t", 3)
        pairs = (header.partition(":") for header in headers.split(","))
        printed.append(Printed(partition, {name: content for name, _, content in pairs}, key, value))
    return printed


def test_the_console_tools_send_requests_and_read_everything(
    kafka: str, console: Console, topic_prefix: str, tmp_path: Path
) -> None:
    """Headers and keys typed by hand; results, chunks and dead letters come back readable, in the request's partition."""
    native = native_request("typed", _MODEL, "a text", tenant="acme")
    typed = "\n".join(
        (
            f"ce_specversion:1.0,ce_type:streamproc.request.v1,content-type:application/json,traceparent:{_TRACE}\tcustomer-1\t{native}",
            f"x-own:1\tcustomer-2\t{batch_line('line', _MODEL, 'a text')}",
            'x-own:2\tcustomer-3\t{"request_id": "wrong"}',
        )
    )
    reader = [word for part in ("parse.headers=true", "parse.key=true") for word in ("--property", part)]
    with (
        mock_provider(tmp_path) as mock,
        Workplace(tmp_path, kafka, topic_prefix, MOCK.format(url=mock.url, model="mock")) as place,
    ):
        console(_PRODUCER, "--topic", place.topic("requests"), *reader, typed=typed + "\n")
        place.start_worker().wait_until_ready()
        with ThreadPoolExecutor() as readers:  # a Java program takes a while to start
            wanted = (("results", 3), ("dead", 1), ("chunks", 3))
            reads = [readers.submit(_read, console, place.topic(role), count) for role, count in wanted]
            printed, (dead,), chunks = (read.result() for read in reads)

    results = {json.loads(record.value).get("request_id"): record for record in printed}
    assert results.keys() == {"typed", "line", None}
    for record in results.values():
        result = json.loads(record.value)
        assert record.headers["ce_specversion"] == "1.0"
        assert record.headers["ce_id"] == result["run_id"]
        assert record.headers["ce_type"] == "streamproc.result.v1"
        assert record.headers["ce_source"] == "/streamproc"
        assert datetime.fromisoformat(record.headers["ce_time"]).tzinfo is not None
        assert record.headers["content-type"] == "application/json"
        assert record.partition == f"Partition:{result['run_id'].split('/')[1]}"
    assert (results["typed"].key, results["line"].key, results[None].key) == ("typed", "line", "customer-3")
    assert results["typed"].headers["traceparent"] == _TRACE
    assert "traceparent" not in results["line"].headers
    assert json.loads(results["typed"].value)["tenant"] == "acme"
    statuses = {name: json.loads(record.value)["status"] for name, record in results.items()}
    assert statuses == {"typed": "completed", "line": "completed", None: "rejected"}

    assert (dead.key, dead.value, dead.headers["x-own"]) == ("customer-3", '{"request_id": "wrong"}', "2")
    assert dead.headers["dlq.code"] == "invalid_request"
    assert dead.headers["dlq.reason"].startswith("model: Field required")

    assert [json.loads(chunk.value)["kind"] for chunk in chunks] == ["start", "text", "text"]
    assert {chunk.headers["ce_type"] for chunk in chunks} == {"streamproc.chunk.v1"}
    assert {chunk.headers["traceparent"] for chunk in chunks} == {_TRACE}
    assert {chunk.key for chunk in chunks} == {"typed"}
