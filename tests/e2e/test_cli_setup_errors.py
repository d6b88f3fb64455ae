"""Every wrong set-up around the program: one clear sentence, exit code 2, no traceback, and soon."""

import asyncio
import secrets
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.e2e.program import run, sentence_of
from tests.e2e.workplace import Workplace
from tests.servers.network import free_ports
from tests.servers.redis import Redis

_SCRIPTED = '[providers.local]\nkind = "scripted"\nmodels = ["m"]\nprices.m = { input_usd = 1.0, output_usd = 1.0 }\n'
_PROVIDER = '[providers.p]\nbase_url = "{url}"\nmodels = ["m"]\n'
_REQUEST = '{"request_id": "a", "model": "m", "messages": [{"role": "user", "content": "hello"}]}'


@pytest.mark.parametrize(
    ("arguments", "address"),
    [
        (("run",), "127.0.0.1:{port}"),
        (("topics", "create"), "127.0.0.1:{port}"),
        (("submit", "-"), "127.0.0.1:{port}"),
        (("follow", "a/0/0@1"), "127.0.0.1:{port}"),
        (("topics", "check"), "no-such-host.invalid:9092"),
        (("submit", "-"), "no-such-host.invalid:9092"),
    ],
)
def test_a_broker_that_is_not_there_is_told_at_once(arguments: tuple[str, ...], address: str, tmp_path: Path) -> None:
    """A closed port and a wrong host name: the address and the settings to check."""
    where = address.format(port=free_ports(1)[0])
    (tmp_path / "streamproc.toml").write_text(_SCRIPTED)
    begin = time.monotonic()
    said = run(*arguments, folder=tmp_path, stdin=_REQUEST, STREAMPROC_KAFKA__BOOTSTRAP_SERVERS=where)
    assert sentence_of(said).startswith(f"cannot reach Kafka at {where} (")
    assert "check kafka.bootstrap_servers, security_protocol (PLAINTEXT)" in said.err
    assert time.monotonic() - begin < 35  # a request may take 40 s, and the machine may be busy


def test_a_broker_that_does_not_answer_is_given_up_in_time(tmp_path: Path) -> None:
    """A port that takes connections and says nothing, for example a frozen broker's."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        where = f"127.0.0.1:{silent.getsockname()[1]}"
        begin = time.monotonic()
        said = run("topics", "check", folder=tmp_path, STREAMPROC_KAFKA__BOOTSTRAP_SERVERS=where)
    assert sentence_of(said).startswith(f"cannot reach Kafka at {where} (reading topics): ")
    assert time.monotonic() - begin < 35  # a request may take 40 s, a connection 10, and the rest is for a busy machine


@pytest.fixture(scope="module")
def place(bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    """A workplace with its topics and a provider inside the worker, for all tests that start nothing in it."""
    prefix = f"t{secrets.token_hex(4)}"
    with Workplace(tmp_path_factory.mktemp("place"), bootstrap, prefix, _SCRIPTED, partitions=2) as place:
        yield place


@pytest.mark.parametrize("arguments", [("run",), ("topics", "check"), ("submit", "-")])
def test_missing_topics_are_named(
    arguments: tuple[str, ...], bootstrap: str, topic_prefix: str, tmp_path: Path
) -> None:
    """With the command that creates them, and without waiting for them to appear."""
    place = Workplace(tmp_path, bootstrap, topic_prefix, _SCRIPTED)
    begin = time.monotonic()
    sentence = sentence_of(place.say(*arguments, stdin=_REQUEST))
    assert "streamproc topics create" in sentence
    assert place.topic("results") in sentence
    assert time.monotonic() - begin < 35  # a request may take 40 s, and the machine may be busy


def test_a_missing_request_topic_is_named_and_nothing_is_sent(place: Workplace) -> None:
    """`submit --topic` with a name that does not exist."""
    begin = time.monotonic()
    said = place.say("submit", "-", "--topic", "no.such.topic", stdin=_REQUEST)
    assert sentence_of(said).startswith("topic no.such.topic does not exist")
    assert said.out == ""
    assert time.monotonic() - begin < 35  # a request may take 40 s, and the machine may be busy


def test_an_output_topic_that_is_too_narrow_is_named(place: Workplace, tmp_path: Path) -> None:
    """The chunk topic has fewer partitions than the request topic; `create` does not pass over it either."""
    wider = Workplace(tmp_path, place.bootstrap, f"{place.prefix}w", _SCRIPTED, partitions=3)
    narrow = place.topic("chunks")
    wider.settings.write_text(wider.settings.read_text().replace(wider.topic("chunks"), narrow))
    sentence = sentence_of(wider.say("topics", "create"))
    assert sentence == sentence_of(wider.say("run"))
    assert sentence == (
        f"topic {narrow} has 2 partitions, but {wider.topic('requests')} has 3: raise {narrow} to at least 3 partitions"
    )


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "no-such-host.invalid:80"])
def test_a_provider_that_is_not_there_is_named(host: str, place: Workplace, tmp_path: Path) -> None:
    """The worker does not start with a wrong address; the setting and the reason are told."""
    url = f"http://{host.format(port=free_ports(1)[0])}/v1"
    other = Workplace(tmp_path, place.bootstrap, place.prefix, _PROVIDER.format(url=url))
    assert sentence_of(other.say("run")).startswith(f"providers.p.base_url {url} cannot be reached: ")


def test_a_key_file_that_is_not_there_is_named(place: Workplace, tmp_path: Path) -> None:
    """Before anything is consumed."""
    more = _PROVIDER.format(url="http://127.0.0.1:1/v1") + 'api_key_file = "none.key"\n'
    sentence = sentence_of(Workplace(tmp_path, place.bootstrap, place.prefix, more).say("run"))
    assert sentence == "cannot read providers.p.api_key_file none.key: No such file or directory"


def test_a_taken_metrics_port_is_named(place: Workplace) -> None:
    """With the setting that moves it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        sentence = sentence_of(place.say("run", STREAMPROC_OBSERVE__METRICS_PORT=str(port)))
    assert str(port) in sentence
    assert "metrics_port" in sentence


def test_a_taken_mock_port_is_named(tmp_path: Path) -> None:
    """With what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        sentence = sentence_of(run("mock-provider", "--port", str(port), folder=tmp_path))
    assert sentence.startswith(f"the mock provider cannot listen on 127.0.0.1:{port}: ")
    assert sentence.endswith("; choose another port or host")


def test_a_file_that_cannot_be_submitted_is_named(place: Workplace) -> None:
    """One that is missing, a folder, one that is empty, and nothing on standard input."""
    (place.folder / "empty.jsonl").write_text("\n\n")
    assert sentence_of(place.say("submit", "none.jsonl")) == "cannot read none.jsonl: No such file or directory"
    assert sentence_of(place.say("submit", ".")) == "cannot read .: Is a directory"
    assert sentence_of(place.say("submit", "empty.jsonl")).startswith("empty.jsonl holds no request")
    assert sentence_of(place.say("submit", "-")).startswith("standard input holds no request")


def test_wrong_lines_are_named_by_number_and_nothing_is_sent(place: Workplace) -> None:
    """The right lines of the file are held back, too; empty lines count."""
    unknown = _REQUEST.replace('"model"', '"modell": 1, "model"')
    lines = [_REQUEST, "", unknown, "{", *["[]"] * 5, _REQUEST]
    said = place.say("submit", "-", stdin="\n".join(lines))
    assert said.code == 2
    assert "Traceback" not in said.err
    first, *told = said.err.splitlines()
    assert first == "streamproc: nothing was sent, standard input has wrong lines:"
    assert "line 3: unknown field 'modell'" in told[0]
    assert "line 4: " in told[1]
    assert told[-1].strip() == "and 2 more lines"
    assert said.out == ""


def test_an_output_that_cannot_be_written_is_named_before_anything_is_sent(place: Workplace) -> None:
    """A result that has no place must not cost anything."""
    said = place.say("submit", "-", "--output", "none/out.jsonl", stdin=_REQUEST)
    assert sentence_of(said) == "cannot write none/out.jsonl: No such file or directory"
    assert said.out == ""


def test_a_wrong_run_id_is_named(place: Workplace) -> None:
    """By its form, by a partition that does not exist, and when there is none at all."""
    assert sentence_of(place.say("follow", "bogus")).startswith("'bogus' is no run id; a run id looks like ")
    far = f"{place.topic('requests')}/7/0@1764000000000"
    assert sentence_of(place.say("follow", far)).endswith("has no partition 7")
    assert sentence_of(place.say("follow", "-")).startswith("no run to follow")


@pytest.mark.parametrize(
    "arguments",
    [("demo", "--port", "70000"), ("mock-provider", "--port", "70000"), ("mock-provider", "--port", "-1")],
    ids=" ".join,
)
def test_a_number_that_is_no_port_is_named(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """The mock provider ended with a library's traceback, `bind(): port must be 0-65535`."""
    assert sentence_of(run(*arguments, folder=tmp_path)).startswith(f"--port: {arguments[-1]} is no port; ")


@pytest.mark.parametrize("seconds", ["-5", "0", "nan"])
@pytest.mark.parametrize("command", ["submit", "follow", "cancel"])
def test_a_patience_that_is_none_is_named(command: str, seconds: str, tmp_path: Path) -> None:
    """Less than nothing was over at once, `nan` never; requests were sent all the same, and paid."""
    sentence = sentence_of(run(command, "x/0/0@1", "--stalled-seconds", seconds, folder=tmp_path))
    assert sentence.startswith(f"--stalled-seconds: {seconds} is not above 0; ")


@pytest.mark.parametrize("role", ["results", "control"])
def test_requests_do_not_go_to_a_topic_for_other_records(role: str, place: Workplace) -> None:
    """A slip in `--topic` put requests between the results, where every reader met them."""
    said = place.say("submit", "-", "--topic", place.topic(role), stdin=_REQUEST)
    assert sentence_of(said).startswith(f"topic {place.topic(role)} is no request topic: ")
    assert said.out == ""


def test_a_request_above_the_clients_limit_is_named_before_anything_is_sent(place: Workplace) -> None:
    """Settings may allow more. The lines before it were sent, and a library's words about its own setting shown."""
    large = {"STREAMPROC_LIMITS__MAX_REQUEST_BYTES": "3000000", "STREAMPROC_LIMITS__MAX_RECORD_BYTES": "3000000"}
    lines = f"{_REQUEST}\n{_REQUEST.replace('hello', 'h' * 1_000_000)}"
    said = place.say("submit", "-", stdin=lines, **large)
    assert "line 2: the request has 1000080 bytes; this client sends at most 1000000, however large" in said.err
    assert said.err.startswith("streamproc: nothing was sent, standard input has wrong lines:\n")
    assert (said.code, said.out) == (2, "")


def test_what_was_sent_before_a_refusal_is_told(place: Workplace) -> None:
    """Kafka refuses one of eleven: run ids of the others were lost, and sending the file again paid for them twice."""
    topic = f"{place.prefix}.small"
    asyncio.run(_create(place.bootstrap, NewTopic(topic, 2, 1, topic_configs={"max.message.bytes": "20000"})))
    small = [_REQUEST.replace('"a"', f'"a-{number}"') for number in range(10)]
    said = place.say(
        "submit", "-", "--topic", topic, stdin="\n".join([*small, _REQUEST.replace("hello", "h" * 60_000)])
    )
    run_ids, (told, sentence) = said.out.splitlines(), said.err.splitlines()
    # What shared the batch of the large one is refused with it.
    assert len({run_id.rpartition("/")[0] for run_id in run_ids}) == 1
    assert told == f"sent {len(run_ids)} of 11 requests; these are their run ids"
    assert sentence.startswith(f"streamproc: {topic} did not take request a")
    assert "max.message.bytes" in sentence
    assert said.code == 2


async def _create(bootstrap: str, topic: NewTopic) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([topic])
    finally:
        await admin.close()


def test_a_redis_that_refuses_the_ledger_ends_the_worker(place: Workplace, redis: Redis) -> None:
    """A wrong password, and one that is missing: runs would wait for ever. The password stands nowhere."""
    redis.ask("ACL", "SETUSER", "default", "resetpass", ">right")
    for url in (redis.url.replace("redis://", "redis://:secret@"), redis.url):
        budgets = {"STREAMPROC_BUDGETS__ENABLED": "true", "STREAMPROC_BUDGETS__LEDGER": "redis"}
        created = place.say("topics", "create", **budgets, STREAMPROC_BUDGETS__REDIS_URL=url)
        assert created.code == 0, created
        said = place.say("run", **budgets, STREAMPROC_BUDGETS__REDIS_URL=url)
        assert sentence_of(said).startswith("Redis refuses the ledger; look at the name and password in")
        assert "secret" not in said.err
