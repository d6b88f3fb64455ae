"""Where dead letters and their originals lie: by reference, in a topic that is gone, in transactions, twice."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from streamproc.records.dead_letter import DeadLetter
from streamproc.records.identity import RunId
from streamproc.records.outgoing import Outgoing
from streamproc.records.terminal import dead_letter_record
from tests.e2e.program import sentence_of
from tests.e2e.records import read_topic, send
from tests.e2e.workplace import Workplace

_HUGE = b'{"request_id": "huge", "text": "' + b"x" * 999_000 + b'"}'


@pytest.fixture
def place(bootstrap: str, topic_prefix: str, tmp_path: Path) -> Workplace:
    """A workplace without a worker; its topics do not exist yet."""
    return Workplace(tmp_path, bootstrap, topic_prefix)


def letter(run: RunId, value: bytes, max_bytes: int = 1_000_000) -> Outgoing:
    """The record that a worker writes."""
    told = DeadLetter(
        reason="wrong",
        code="wrong",
        run_id=str(run),
        topic=run.topic,
        partition=run.partition,
        offset=run.offset,
        timestamp_ms=run.timestamp_ms,
    )
    return dead_letter_record(told, b"k", value, (("x-own", None), ("x-own", b"1")), max_bytes)


def refuse(place: Workplace, *values: bytes) -> list[str]:
    """Puts values on partition 1 of the request topic, and their letters beside them as a worker does."""
    send(place.bootstrap, place.topic("requests"), [(b"k", value, [("x-own", b"1")], 1) for value in values])
    stored = read_topic(place.bootstrap, place.topic("requests"))[-len(values) :]
    runs = [RunId(one.topic, one.partition, one.offset, one.timestamp_ms) for one in stored]
    letters = [letter(run, one.value or b"") for run, one in zip(runs, stored, strict=True)]
    send(place.bootstrap, place.topic("dead"), [(one.key, one.value, one.headers, 1) for one in letters])
    return [str(run) for run in runs]


def test_an_original_above_the_record_limit_is_fetched_from_its_topic(place: Workplace) -> None:
    """Listed with its own size, shown and replayed with all its bytes, its key and its headers."""
    with place:
        small, huge = refuse(place, b"small", _HUGE)
        sizes = [line.split("\t")[4] for line in place.say("dead", "list").out.splitlines()]
        assert sizes == [str(len(b"small")), str(len(_HUGE))]
        raw = place.say("dead", "show", huge, "--raw")
        assert (raw.code, raw.out) == (0, _HUGE.decode())
        assert "header    x-own: 1\n" in place.say("dead", "show", huge).out
        said = place.say("dead", "replay", huge, small)
        assert (said.code, len(said.out.split())) == (0, 2), said
        *_, again_small, again_huge = read_topic(place.bootstrap, place.topic("requests"))
        assert (again_huge.key, again_huge.value) == (b"k", _HUGE)
        assert again_huge.headers == (("x-own", b"1"), ("replay_of", huge.encode()))
        assert again_small.headers == (("x-own", b""), ("x-own", b"1"), ("replay_of", small.encode()))


def test_an_original_that_is_gone_is_said_to_be_gone(place: Workplace) -> None:
    """No topic, nothing at its offset, another record at its offset: never somebody else's bytes."""
    with place:
        huge, small = refuse(place, _HUGE, b"small")
        asyncio.run(_delete(place, place.topic("requests")))
        gone = f"streamproc: the original of {huge} is gone: {place.topic('requests')} partition 1 offset 0 "
        said = place.say("dead", "show", huge)
        assert (said.code, said.err) == (1, f"{gone}does not exist any more\n")
        assert said.out.startswith(f"run id    {huge}\n")
        assert "does not exist" in sentence_of(place.say("dead", "replay", small))

        assert place.say("topics", "create").code == 0
        raw = place.say("dead", "show", huge, "--raw")
        assert (raw.code, raw.out, raw.err) == (1, "", f"{gone}is no longer kept\n")

        send(place.bootstrap, place.topic("requests"), [(b"k", b"another", (), 1)])
        said = place.say("dead", "replay", "--limit", "9", "--yes")
        assert said.code == 1
        assert said.err.splitlines() == [
            gone.replace("streamproc", "left out") + "holds another record now (its sha256 differs)",
            "replayed 1 dead letter",
        ]
        assert [one.value for one in read_topic(place.bootstrap, place.topic("requests"))] == [b"another", b"small"]


async def _delete(place: Workplace, topic: str) -> None:
    admin: Any = AIOKafkaAdminClient(bootstrap_servers=place.bootstrap)
    await admin.start()
    try:
        await admin.delete_topics([topic])
        give_up = time.monotonic() + 30
        while topic in await admin.list_topics():
            assert time.monotonic() < give_up, f"{topic} is still there"
            await asyncio.sleep(0.05)
    finally:
        await admin.close()


def test_only_committed_letters_are_shown_and_no_open_one_is_waited_for(place: Workplace) -> None:
    """An aborted transaction at the end of a partition, an open one, a record that is no letter, a letter twice."""
    topic, now = place.topic("requests"), int(time.time() * 1000)
    one, two, three = (RunId(topic, 1, number, now) for number in range(3))
    with place:
        for record in (letter(one, b"1"), letter(one, b"1")):
            send(place.bootstrap, place.topic("dead"), [(record.key, record.value, record.headers, 1)])
        send(place.bootstrap, place.topic("dead"), [(b"k", b"stray", (("dlq.reason", b"x"),), 1)])
        listed = asyncio.run(_around(place, letter(two, b"2"), letter(three, b"3")))
    assert [[line.split("\t")[0] for line in out.splitlines()] for out in listed] == [[str(one)]] * 2


async def _around(place: Workplace, aborted: Outgoing, left_open: Outgoing) -> list[str]:
    """What is listed behind an aborted transaction, and while one is open."""
    producer: Any = AIOKafkaProducer(bootstrap_servers=place.bootstrap, transactional_id=place.prefix)
    await producer.start()
    try:
        listed = []
        for record in (aborted, left_open):
            await producer.begin_transaction()
            await producer.send_and_wait(
                place.topic("dead"), record.value, record.key, partition=1, headers=list(record.headers)
            )
            if record is aborted:
                await producer.abort_transaction()
            listed.append((await asyncio.to_thread(place.say, "dead", "list")).out)
        await producer.abort_transaction()
    finally:
        await producer.stop()
    return listed


def test_old_letters_are_found_whatever_time_their_senders_set(place: Workplace) -> None:
    """A letter of two hours ago, of a run that its sender dated into the future: by period and by run id."""
    now = int(time.time() * 1000)
    run = RunId(place.topic("requests"), 1, 0, now + 3_600_000)
    with place:
        asyncio.run(_lay(place, letter(run, b"1"), now - 7_200_000))
        for period, found in (
            ("--since=1h", ""),
            ("--since=3h", str(run)),
            ("--until=1h", str(run)),
            ("--until=3h", ""),
        ):
            assert place.say("dead", "list", period).out.partition("\t")[0] == found
        assert place.say("dead", "show", str(run), "--raw").out == "1"


async def _lay(place: Workplace, record: Outgoing, timestamp_ms: int) -> None:
    async with AIOKafkaProducer(bootstrap_servers=place.bootstrap) as producer:
        await producer.send_and_wait(
            place.topic("dead"),
            record.value,
            record.key,
            partition=1,
            headers=list(record.headers),
            timestamp_ms=timestamp_ms,
        )
