"""`streamproc cancel`, as a user types it."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.documents import native_request
from tests.e2e.program import sentence_of
from tests.e2e.records import read_topic, send
from tests.e2e.workplace import MOCK, Mock, Workplace, mock_provider
from tests.servers.network import wait_until

_LONG = "mock-t5000-i20-f5"
_QUICK = "mock-t3-i0-f0"


@pytest.fixture(scope="module")
def mock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mock]:
    """A mock provider."""
    with mock_provider(tmp_path_factory.mktemp("mock")) as mock:
        yield mock


@pytest.fixture(scope="module")
def place(bootstrap: str, tmp_path_factory: pytest.TempPathFactory, mock: Mock) -> Iterator[Workplace]:
    """A workplace with a running worker."""
    more = MOCK.format(url=mock.url, model=_LONG)
    with Workplace(tmp_path_factory.mktemp("place"), bootstrap, f"t{secrets.token_hex(4)}", more) as place:
        place.start_worker().wait_until_ready()
        yield place


def submitted(place: Workplace, *names: str, model: str = _LONG, tenant: str = "acme") -> list[str]:
    """Run ids of requests that are on their way."""
    lines = [native_request(name, model, "a long story", tenant=tenant, max_output_tokens=5000) for name in names]
    said = place.say("submit", "-", stdin="\n".join(lines))
    assert said.code == 0, said
    return said.out.split()


def test_runs_are_cancelled_and_waited_for(place: Workplace, mock: Mock) -> None:
    """The tenant is looked up in the request; each run's status is printed, and the provider was stopped."""
    mock.forget()
    (one,) = submitted(place, "one")
    (two,) = submitted(place, "two", tenant="other")
    said = place.say("cancel", one, two, one, "--wait")
    assert said.code == 0, said
    assert sorted(said.out.splitlines()) == sorted([f"{one}\tcancelled", f"{two}\tcancelled"])
    assert said.err.splitlines() == [f"asked to cancel {one} of acme", f"asked to cancel {two} of other"]
    wait_until(lambda: mock.stats()["running"] == 0, mock.process, "the end of the calls")  # it learns by hanging up
    assert mock.stats()["completed"] == 0
    shown = place.say("follow", one, two)
    assert (shown.code, shown.out.count("[cancelled: the sender cancelled the request]")) == (1, 2)
    assert shown.err.startswith("0 completed, 2 not; ")


def test_requests_are_cancelled_by_their_own_ids(place: Workplace, mock: Mock) -> None:
    """All that have the id by now; the record on the topic has a key, headers and no empty fields."""
    runs = [*submitted(place, "same"), *submitted(place, "same"), *submitted(place, "another")]
    said = place.say("cancel", "--request-id", "same", "--request-id", "another", "--tenant", "acme")
    assert (said.code, said.out) == (0, ""), said
    assert said.err.splitlines() == [
        "asked to cancel requests same of acme", "asked to cancel requests another of acme"
    ]  # fmt: skip
    followed = place.say("follow", "-", "--json", stdin="\n".join(runs))
    assert followed.out.count('"status":"cancelled"') == 3
    record = read_topic(place.bootstrap, place.topic("control"))[-2]
    headers = dict(record.headers)
    assert record.json() == {"kind": "cancel", "tenant": "acme", "request_id": "same"}
    assert (record.key, headers["ce_type"], headers["ce_id"]) == (b"same", b"streamproc.cancel.v1", b"same")


def test_a_run_that_was_quicker_shows_in_the_exit_code(place: Workplace) -> None:
    """Its result stays, and is told; run ids are read from standard input."""
    (run,) = submitted(place, "quick", model=_QUICK)
    assert place.say("follow", run).code == 0
    said = place.say("cancel", "-", "--wait", stdin=run + "\n")
    assert (said.code, said.out) == (1, f"{run}\tcompleted\n"), said


def test_a_run_nobody_answers_is_given_up(bootstrap: str, topic_prefix: str, tmp_path: Path, mock: Mock) -> None:
    """Without a worker the cancel is sent all the same, and waiting ends in a sentence."""
    with Workplace(tmp_path, bootstrap, topic_prefix, MOCK.format(url=mock.url, model=_LONG)) as place:
        (run,) = submitted(place, "alone")
        said = place.say("cancel", run, "--wait", "--stalled-seconds", "0.5")
        assert (said.code, said.out) == (1, ""), said
        assert said.err.splitlines()[1].startswith("nothing came for 0.5 s; 1 runs have no result yet")
        place.start_worker()
        assert place.say("follow", run).out == "[cancelled: the sender cancelled the request]\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "nothing to cancel: give run ids"),
        (("t/0/0@1", "--request-id", "a", "--tenant", "acme"), "one of both"),
        (("no-run-id",), "'no-run-id' is no run id"),
        (("--request-id", "a"), "--request-id needs --tenant"),
        (("--request-id", "a", "--tenant", "acme", "--wait"), "--wait needs run ids"),
        (("--request-id", "\u00e4", "--tenant", "acme"), "request_id: "),
        (("t/0/0@1", "--tenant", "a b"), "tenant: "),
        (("nowhere/0/0@1",), "topic nowhere does not exist"),
        (("{prefix}.requests/99/0@1",), "has no partition 99"),
        (("{prefix}.requests/3/77@1", "{prefix}.requests/2/77@1"), "name the tenant (and 1 more were not sent)"),
        (("{prefix}.requests/0/0@1",), "is not there any more"),
    ],
)
def test_a_mistake_is_one_sentence(place: Workplace, arguments: tuple[str, ...], words: str) -> None:
    """Exit code 2, and nothing was asked."""
    said = place.say("cancel", *(argument.format(prefix=place.prefix) for argument in arguments))
    assert words in sentence_of(said)
    assert "asked" not in said.err


def test_what_can_be_cancelled_is_though_another_cannot(place: Workplace) -> None:
    """A record that is no request has no tenant to look up; named with the others, it does not hold them up."""
    send(place.bootstrap, place.topic("requests"), [(b"k", b"no request", (), 1)])
    refused = read_topic(place.bootstrap, place.topic("requests"))
    (garbage,) = [record.run_id for record in refused if record.value == b"no request"]
    (run,) = submitted(place, "beside")
    said = place.say("cancel", garbage, run)
    *asked, sentence = said.err.splitlines()
    assert (said.code, asked) == (2, [f"asked to cancel {run} of acme"])
    assert "is no valid request, there is nothing to cancel" in sentence
    assert place.say("follow", run).out.endswith("[cancelled: the sender cancelled the request]\n")


def test_a_missing_control_topic_is_named(bootstrap: str, topic_prefix: str, tmp_path: Path, mock: Mock) -> None:
    """By the command and by the worker, with what to do."""
    with Workplace(tmp_path, bootstrap, topic_prefix, MOCK.format(url=mock.url, model=_LONG)) as place:
        variables = {"STREAMPROC_TOPICS__CONTROL": f"{topic_prefix}.nowhere"}
        said = place.say("cancel", "t/0/0@1", "--tenant", "acme", **variables)
        assert "nowhere does not exist: create it with `streamproc topics create`" in sentence_of(said)
        assert "missing topics: " in sentence_of(place.say("run", **variables))
