"""Dead letters, as an operator meets them: look, correct, send again."""

import json
import time
from pathlib import Path

import pytest

from tests.e2e.documents import native_request
from tests.e2e.program import run, sentence_of
from tests.e2e.records import Stored, read_topic, send
from tests.e2e.terminal import CTRL_C, Terminal
from tests.e2e.workplace import MOCK, Workplace, mock_provider
from tests.servers.network import free_ports

_SCRIPTED = '[providers.local]\nkind = "scripted"\nmodels = ["m"]\nprices.m = { input_usd = 1.0, output_usd = 1.0 }\n'
_MODEL = "mock-t3-i0-f0"
_BINARY = bytes(range(128, 160))
_TRACE = ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")


def refused(place: Workplace, count: int) -> list[Stored]:
    """The dead letters, once there are so many."""
    give_up = time.monotonic() + 60
    while len(letters := read_topic(place.bootstrap, place.topic("dead"))) < count:
        assert time.monotonic() < give_up, f"{len(letters)} dead letters after 60 s"
    return letters


def requests(place: Workplace) -> dict[str, Stored]:
    """All records of the request topic, by run id."""
    return {stored.run_id: stored for stored in read_topic(place.bootstrap, place.topic("requests"))}


@pytest.fixture
def place(bootstrap: str, topic_prefix: str, tmp_path: Path) -> Workplace:
    """A workplace with a provider inside the worker; its topics do not exist yet."""
    return Workplace(tmp_path, bootstrap, topic_prefix, _SCRIPTED)


def bury(place: Workplace, *values: bytes) -> list[str]:
    """Sends values that are no requests, all to partition 1, and lets a worker refuse them; gives their run ids."""
    before = len(read_topic(place.bootstrap, place.topic("dead")))
    send(place.bootstrap, place.topic("requests"), [(b"k", value, (), 1) for value in values])
    worker = place.start_worker().wait_until_ready()
    found = refused(place, before + len(values))
    assert worker.stop() == 0
    return [dict(letter.headers)["dlq.run_id"].decode() for letter in found]


def test_a_refused_record_is_found_corrected_and_answered(bootstrap: str, topic_prefix: str, tmp_path: Path) -> None:
    """List, show, replay with another value: the new run is completed and names the one it repeats."""
    wrong = b'{"request_id": "a", "tenant": "acme", "colour": "red"}'
    own = (("x-own", b"1"), ("x-own", b"\xff"), _TRACE, ("replay_of", b"old/0/0@1"))
    with (
        mock_provider(tmp_path) as mock,
        Workplace(tmp_path, bootstrap, topic_prefix, MOCK.format(url=mock.url, model="mock")) as place,
    ):
        send(
            bootstrap,
            place.topic("requests"),
            [(b"k1", wrong, own, 2), (b"k2", _BINARY, (), 1), (None, b"no JSON \x1b[31m\n", (), 3)],
        )
        worker = place.start_worker().wait_until_ready()
        refused(place, 3)
        ids = {stored.key: run_id for run_id, stored in requests(place).items()}

        listed = place.say("dead", "list")
        assert listed.code == 0, listed
        rows = {row[0]: row[1:] for row in (line.split("\t") for line in listed.out.splitlines())}
        assert rows.keys() == set(ids.values())
        assert [row[0] for row in rows.values()] == sorted(row[0] for row in rows.values())
        _, tenant, code, size, reason = rows[ids[b"k1"]]
        assert (tenant, code, size) == ("acme", "unknown_field", str(len(wrong)))
        assert "unknown field 'colour'" in reason
        assert rows[ids[b"k2"]][1:4] == ["-", "not_json", "32"]
        as_json = place.say("dead", "list", "--json", "--tenant", "acme", "--since", "1h", "--contains", "COLOUR")
        (told,) = map(json.loads, as_json.out.splitlines())
        assert (told["run_id"], told["key"], told["partition"]) == (ids[b"k1"], "k1", 2)
        assert told["headers"] == [
            ["x-own", "1"], ["x-own", {"base64": "/w=="}], [_TRACE[0], _TRACE[1].decode()], ["replay_of", "old/0/0@1"]
        ]  # fmt: skip
        assert "value" not in told
        assert place.say("dead", "list", "--code", "not_json", "--limit", "1").out.count("\n") == 1

        shown = place.say("dead", "show", ids[b"k1"])
        assert shown.code == 0, shown
        assert "reason    " in shown.out
        assert "header    x-own: 0xff\n" in shown.out
        assert shown.out.endswith(f"\n\n{wrong.decode()}\n")
        assert "00000010  90 91 " in place.say("dead", "show", ids[b"k2"]).out
        assert "no JSON \N{REPLACEMENT CHARACTER}[31m" in place.say("dead", "show", ids[None]).out
        assert place.say("dead", "show", "--raw", ids[None]).out == "no JSON \x1b[31m\n"

        corrected = native_request("a", _MODEL, "a text", tenant="acme")
        replayed = place.say("dead", "replay", ids[b"k1"], "--edit", "-", stdin=corrected)
        assert (replayed.code, replayed.err) == (0, "replayed 1 dead letter\n")
        new = replayed.out.strip()
        followed = place.say("follow", new, "--json")
        assert followed.code == 0, followed
        result = json.loads(followed.out)
        assert (result["status"], result["replay_of"], result["tenant"]) == ("completed", ids[b"k1"], "acme")
        stored = requests(place)[new]
        assert (stored.key, stored.value, stored.partition) == (b"k1", corrected.encode(), 2)
        assert stored.headers == (*own[:3], ("replay_of", ids[b"k1"].encode()))
        assert worker.stop() == 0


def test_letters_chosen_by_filter_are_replayed_as_they_were(place: Workplace) -> None:
    """Only those that are meant, only after a yes; a replay that is refused again points at its own letter."""
    with place:
        first, second, third = bury(place, b"one", b'{"two": 2}', b"three")
        dry = place.say("dead", "replay", "--code", "not_json", "--dry-run")
        assert (dry.code, dry.out.split(), dry.err) == (0, [first, third], "would replay 2 dead letters\n")
        assert "add --yes" in sentence_of(place.say("dead", "replay", "--code", "not_json"))
        assert len(requests(place)) == 3
        piped = place.say("dead", "replay", "-", "--dry-run", stdin=f"{third}\n{second}\n{second}\n")
        assert sorted(piped.out.split()) == sorted([second, third])

        said = place.say("dead", "replay", "--code", "not_json", "--yes")
        assert (said.code, said.err) == (0, "replayed 2 dead letters\n")
        stored = requests(place)
        replays = said.out.split()
        assert [stored[run_id].value for run_id in replays] == [b"one", b"three"]
        assert {(stored[run_id].key, stored[run_id].partition) for run_id in replays} == {(b"k", 1)}
        assert [stored[run_id].headers for run_id in replays] == [
            (("replay_of", first.encode()),), (("replay_of", third.encode()),)
        ]  # fmt: skip

        place.start_worker()
        refused(place, 5)
        again = place.say("dead", "replay", replays[0])
        assert (again.code, again.err) == (0, "replayed 1 dead letter\n")
        assert requests(place)[again.out.strip()].headers == (("replay_of", replays[0].encode()),)
        assert place.say("dead", "replay", first).err.splitlines() == [
            f"{first} was replayed before, and that was refused again",
            "replayed 1 dead letter",
        ]


def test_on_a_terminal_it_asks(place: Workplace) -> None:
    """Yes publishes; no and Ctrl-C publish nothing. Lines are cut to the width."""
    with place:
        bury(place, b"one", b"two")
        with Terminal("dead", "list", folder=place.folder, columns=140) as terminal:
            assert terminal.wait() == 0
            lines = terminal.shown.decode().splitlines()
            assert [len(line) <= 140 for line in lines] == [True, True]
            assert "\t" not in lines[0]
        for keys, code, words in (
            (b"\n", 1, b"nothing was replayed"),
            (CTRL_C, 130, b""),
            (b"y\n", 0, b"replayed 2 dead letters"),
        ):
            assert len(requests(place)) == 2
            with Terminal("dead", "replay", "--limit", "2", folder=place.folder) as terminal:
                terminal.wait_for(f"replay 2 dead letters to {place.topic('requests')}? [y/N] ".encode())
                terminal.type(keys)
                assert terminal.wait() == code
                assert words in terminal.shown
                assert b"Traceback" not in terminal.shown
        assert len(requests(place)) == 4


def test_nothing_found_is_no_failure(place: Workplace) -> None:
    """Neither in a list nor for a replay by filter."""
    with place:
        for arguments in (("list",), ("list", "--json"), ("replay", "--since", "2h", "--yes")):
            said = place.say("dead", *arguments)
            assert (said.code, said.out, said.err) == (0, "", "no dead letters\n")


def test_what_is_wrong_is_told_in_one_sentence(place: Workplace, tmp_path: Path) -> None:
    """Unknown runs, wrong values, choices that contradict each other, and a topic that does not exist."""
    missing = sentence_of(place.say("dead", "list"))
    assert missing == f"topic {place.topic('dead')} does not exist: create it with `streamproc topics create`"
    unknown = f"{place.topic('requests')}/1/5@1764000000000"
    (tmp_path / "wrong.json").write_text(native_request("a", _MODEL, "a text", colour="red"))
    with place:
        for arguments, words in (
            (("show", unknown), f"topic {place.topic('dead')} has no dead letter of {unknown}"),
            (("show", unknown.replace("/1/", "/77/")), "no dead letter of"),
            (("replay", unknown, unknown.replace("/5@", "/6@")), f"{unknown} and of 1 more runs"),
            (("show", "bogus"), "'bogus' is no run id"),
            (("list", "--since", "yesterday"), "--since: 'yesterday' is neither an RFC 3339 time"),
            (("list", "--since", "1h", "--until", "2h"), "--since 1h is later than --until 2h"),
            (("list", "--limit", "0"), "--limit: 0 is not at least 1"),
            (("replay", "--yes"), "no dead letter is named"),
            (("replay", "-"), "standard input holds no run id"),
            (("replay", unknown, "--code", "x"), "run ids and filters exclude each other"),
            (("replay", "--code", "x", "--edit", "-"), "--edit corrects one letter"),
            (("replay", unknown, "--edit", "none.json"), "cannot read none.json: No such file"),
            (("replay", unknown, "--edit", "wrong.json"), "wrong.json is no valid request: unknown field 'colour'"),
        ):
            said = place.say("dead", *arguments)
            assert words in sentence_of(said)
            assert said.out == ""


@pytest.mark.parametrize("arguments", [("list",), ("show", "a/0/0@1"), ("replay", "a/0/0@1")])
def test_a_broker_that_is_not_there_is_told_at_once(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """As by the other commands."""
    where = f"127.0.0.1:{free_ports(1)[0]}"
    said = run("dead", *arguments, folder=tmp_path, STREAMPROC_KAFKA__BOOTSTRAP_SERVERS=where)
    assert sentence_of(said).startswith(f"cannot reach Kafka at {where} (reading dead letters): ")
