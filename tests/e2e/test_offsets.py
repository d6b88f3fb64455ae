"""Committed offsets, as an operator meets them: look, and set them when a worker cannot go on from them."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from tests.e2e.program import sentence_of
from tests.e2e.records import read_topic, send
from tests.e2e.terminal import Terminal
from tests.e2e.workplace import Workplace
from tests.servers.network import wait_until

_SCRIPTED = '[providers.local]\nkind = "scripted"\nmodels = ["m"]\nprices.m = { input_usd = 1.0, output_usd = 1.0 }\n'
_REQUEST = b'{"request_id": "a", "model": "m", "messages": [{"role": "user", "content": "hello"}]}'
_AHEAD = 4_000_000_000  # an epoch of the year 2096: some former owner's clock was wrong
_MAP = '{"v":1,"epoch":1800000000,"done":"eJzjAgAACwAL"}'  # 1 and 3 above the offset


@pytest.fixture
def place(bootstrap: str, topic_prefix: str, tmp_path: Path) -> Any:
    """A workplace that asks before it begins anywhere, with a provider inside the worker."""
    with Workplace(tmp_path, bootstrap, topic_prefix, _SCRIPTED) as place:
        text = place.settings.read_text()
        place.settings.write_text(text.replace('without_offset = "earliest"', 'without_offset = "refuse"'))
        yield place


def ask(place: Workplace, partition: int, count: int) -> None:
    """Sends so many requests to a partition."""
    send(place.bootstrap, place.topic("requests"), [(b"k", _REQUEST, (), partition) for _ in range(count)])


def commit(place: Workplace, offsets: Mapping[int, tuple[int, str]]) -> None:
    """Sets offset and metadata of partitions, as any program may."""

    async def run() -> None:
        consumer = AIOKafkaConsumer(bootstrap_servers=place.bootstrap, group_id=place.prefix, enable_auto_commit=False)
        await consumer.start()
        try:
            wanted = {TopicPartition(place.topic("requests"), number): value for number, value in offsets.items()}
            consumer.assign(list(wanted))
            await consumer.commit(wanted)
        finally:
            await consumer.stop()

    asyncio.run(run())


def shown(place: Workplace) -> dict[int, dict[str, Any]]:
    """What `offsets show --json` says of each partition of the request topic."""
    said = place.say("offsets", "show", "--json", "--topic", place.topic("requests"))
    assert said.code == 0, said
    return {line["partition"]: line for line in json.loads(said.out)["partitions"]}


def answered(place: Workplace) -> list[tuple[int, int]]:
    """Partition and offset of the runs that have a result, in order."""
    runs = [
        json.loads(stored.value or b"")["run_id"].split("@")[0]
        for stored in read_topic(place.bootstrap, place.topic("results"))
    ]
    return sorted((int(run.split("/")[1]), int(run.split("/")[2])) for run in runs)


def answers(place: Workplace, count: int) -> list[tuple[int, int]]:
    """The same, once a worker has given so many and has stopped."""
    worker = place.start_worker().wait_until_ready()
    wait_until(lambda: len(answered(place)) >= count, worker.process, "answers", 60)
    assert worker.stop() == 0
    return answered(place)


def test_show_tells_where_the_group_stands(place: Workplace) -> None:
    """Each kind of metadata by its name, as lines for programs and as JSON."""
    ask(place, 0, 6)
    ask(place, 3, 2)
    commit(place, {0: (2, _MAP), 1: (0, "of another program"), 2: (0, '{"v":1,"epoch":7,"done":"cut')})
    said = place.say("offsets", "show")
    topic = place.topic("requests")
    assert said.out.splitlines() == [
        f"{topic}\t0\t2\t6\t4\t2\t1800000000\tours",
        f"{topic}\t1\t0\t0\t0\t-\t-\tforeign",
        f"{topic}\t2\t0\t0\t0\t-\t-\tdamaged",
        f"{topic}\t3\t-\t2\t-\t-\t-\tmissing",
        *(f"{place.topic('deferred')}\t{number}\t-\t0\t-\t-\t-\tmissing" for number in range(4)),
    ]
    assert said.err == f"group {place.prefix}: 0 members\n"
    assert shown(place)[0] == {
        "topic": topic, "partition": 0, "begin": 0, "end": 6, "committed": 2, "lag": 4, "finished_above": 2,
        "epoch": 1800000000, "metadata": "ours",
    }  # fmt: skip
    assert sentence_of(place.say("offsets", "show", "--topic", "other")).startswith("topic other is no request topic")


def test_a_worker_that_cannot_read_the_metadata_is_helped(place: Workplace) -> None:
    """It says which command drops it; afterwards it goes on at its offset, above the epoch that could still be read."""
    ask(place, 1, 3)
    damaged = f'{{"v":1,"epoch":{_AHEAD},"done":"?"}}'
    commit(place, {0: (0, _MAP), 1: (2, damaged), 2: (0, ""), 3: (0, "")})
    sentence = sentence_of(place.say("run"))
    assert "`streamproc offsets reset --to current`" in sentence
    assert damaged in sentence
    said = place.say("offsets", "reset", "--to", "current", "--partition", "1", "--yes")
    assert said.code == 0, said
    assert said.out == f"{place.topic('requests')}\t1\t2\t2\t0\t0\n"
    assert "of 1 partitions nobody knows what was finished there" in said.err
    found = shown(place)
    assert (found[1]["committed"], found[1]["epoch"], found[1]["metadata"]) == (2, _AHEAD + 1, "ours")
    assert found[0]["finished_above"] == 2
    assert answers(place, 1) == [(1, 2)]
    assert shown(place)[1]["epoch"] == _AHEAD + 2


def test_a_group_without_offsets_is_told_where_to_start(place: Workplace) -> None:
    """`run` refuses with exit code 2; after the reset it answers what lies behind the chosen offset."""
    ask(place, 0, 3)
    ask(place, 1, 2)
    sentence = sentence_of(place.say("run"))
    assert sentence.startswith(
        f"topic {place.topic('requests')} holds 5 records, and group {place.prefix} has no committed"
    )
    assert answered(place) == []
    refused = sentence_of(place.say("offsets", "reset", "--to", "2", "--partition", "0", "--yes"))
    assert refused.startswith("partitions 1 of ")
    assert place.say("offsets", "reset", "--to", "latest", "--yes").code == 0
    said = place.say("offsets", "reset", "--to", "2", "--partition", "0", "-y")
    assert (said.code, said.out) == (0, f"{place.topic('requests')}\t0\t3\t2\t1\t0\n")
    assert answers(place, 1) == [(0, 2)]


def test_a_reset_waits_for_nobody_and_harms_nobody(place: Workplace) -> None:
    """While a worker is in the group it is refused, and nothing has changed."""
    worker = place.start_worker().wait_until_ready()
    before = shown(place)
    for more in (("--yes",), ("--dry-run",)):
        sentence = sentence_of(place.say("offsets", "reset", "--to", "earliest", *more))
        assert sentence.startswith(f"group {place.prefix} has 1 members: stop all workers")
    assert shown(place) == before
    assert worker.stop() == 0


def test_a_reset_asks_first(place: Workplace) -> None:
    """With nobody to ask it is refused; a dry run and a no change nothing."""
    ask(place, 0, 5)
    commit(place, dict.fromkeys(range(4), (0, "")) | {0: (1, _MAP)})
    before = shown(place)
    refused = place.say("offsets", "reset", "--to", "earliest")
    assert refused.out.splitlines()[0] == f"{place.topic('requests')}\t0\t1\t0\t3\t0"
    assert refused.code == 2
    assert refused.err.splitlines()[-1].endswith("add --yes, or --dry-run to see which")
    dry = place.say("offsets", "reset", "--to", "latest", "--dry-run")
    assert (dry.code, dry.err) == (0, "0 records run again, 2 are skipped\n")
    assert shown(place) == before
    arguments = ("offsets", "reset", "--to", "earliest")
    for answer, code in ((b"\r", 1), (b"n\r", 1), (b"y\r", 0)):
        with Terminal(*arguments, folder=place.folder) as terminal:
            terminal.wait_for(f"set the offsets of group {place.prefix}? [y/N]".encode())
            assert b"RUN AGAIN" in terminal.shown
            terminal.type(answer)
            assert terminal.wait() == code
        assert (shown(place) == before) is (code == 1)
    assert {line["committed"] for line in shown(place).values()} == {0}


@pytest.mark.parametrize(
    ("arguments", "begin"),
    [
        (("--to", "soon"), "--to: 'soon' is not earliest, latest, current, an offset, "),
        (("--to", "3"), "an offset means something in one partition only"),
        (("--to", "3", "--partition", "9"), "topic {topic} has no partition 9"),
        (("--to", "3", "--partition", "0"), "{topic} partition 0 has offsets from 0 to 0, and not 3"),
        (("--to", "current"), "{topic} partition 0 has no committed offset to keep"),
    ],
)
def test_a_wrong_reset_is_one_sentence(arguments: tuple[str, ...], begin: str, place: Workplace) -> None:
    """And nothing has changed."""
    sentence = sentence_of(place.say("offsets", "reset", *arguments, "--yes"))
    assert sentence.startswith(begin.format(topic=place.topic("requests")))
    assert {line["metadata"] for line in shown(place).values()} == {"missing"}
