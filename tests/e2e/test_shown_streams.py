"""What a person sees of streams: on a terminal while they come, and in a file everything."""

import json
import re
import secrets
from collections.abc import Iterator

import pytest

from tests.e2e.documents import native_request
from tests.e2e.terminal import CTRL_C, Terminal
from tests.e2e.workplace import Workplace, mock_provider

_MODEL = "mock-t150-i20-f0"
_LONG = "mock-t900-i40-f0"
_PROVIDER = """
[providers.mock]
base_url = "{url}"
models = ["{model}", "{long}"]
prices."{model}" = {{ input_usd = 1.0, output_usd = 2.0 }}
prices."{long}" = {{ input_usd = 1.0, output_usd = 2.0 }}
"""
_COLUMNS = 70


@pytest.fixture(scope="module")
def place(bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    """A worker whose provider takes three seconds to write 150 words without an end of line."""
    folder = tmp_path_factory.mktemp("place")
    prefix = f"t{secrets.token_hex(4)}"
    with (
        mock_provider(folder) as mock,
        Workplace(folder, bootstrap, prefix, _PROVIDER.format(url=mock.url, model=_MODEL, long=_LONG)) as place,
    ):
        for name, model, count in (("1", _MODEL, 1), ("2", _MODEL, 2), ("long", _LONG, 2)):
            lines = [native_request(f"ask-{number}", model, "a text", tenant="acme") for number in range(count)]
            (folder / f"{name}.jsonl").write_text("\n".join(lines))
        place.start_worker().wait_until_ready()
        yield place


def _text(shown: bytes) -> str:
    return shown.decode().replace("\r", "")


def test_one_stream_is_written_as_it_comes(place: Workplace) -> None:
    """As running text. Each chunk stood on a line of its own, above a bar of progress."""
    with Terminal("submit", "1.jsonl", "--follow", folder=place.folder, columns=_COLUMNS) as terminal:
        terminal.wait_for(b"sent 1 requests\r\n ")
        assert terminal.wait() == 0
    answer, tally = _text(terminal.shown).rpartition("sent 1 requests\n")[2].splitlines()
    assert len(answer.split()) == 150
    assert tally.startswith("1 completed, 0 not; ")


def test_several_streams_are_seen_before_they_end(place: Workplace) -> None:
    """Both take half a minute. Nothing was seen of an answer without line ends until it was over."""
    with Terminal("submit", "long.jsonl", "--follow", folder=place.folder, columns=_COLUMNS) as terminal:
        terminal.wait_for(b"ask-0: ")
        terminal.wait_for(b"ask-1: ")
        terminal.type(CTRL_C)
        assert terminal.wait() == 130
    assert b"stopped waiting: 0 completed, 0 not, 2 without a result;" in terminal.shown


def test_lines_of_several_streams_fit_the_terminal(place: Workplace) -> None:
    """Each with its request id, and not a word is lost between them."""
    with Terminal("submit", "2.jsonl", "--follow", folder=place.folder, columns=_COLUMNS) as terminal:
        assert terminal.wait() == 0
    *lines, _ = _text(terminal.shown).rpartition("sent 2 requests\n")[2].splitlines()
    assert max(map(len, lines)) <= _COLUMNS
    for name in ("ask-0: ", "ask-1: "):
        own = [line.removeprefix(name) for line in lines if line.startswith(name)]
        assert len(own) > 5
        assert len(" ".join(own).split()) == 150


@pytest.mark.parametrize("count", [1, 2])
def test_a_file_gets_the_streams_while_a_terminal_shows_the_bar(count: int, place: Workplace) -> None:
    """`streamproc submit FILE --follow > out.txt`: everything went to the terminal, and the file stayed empty."""
    out = place.folder / "out.txt"
    with Terminal("submit", f"{count}.jsonl", "--follow", folder=place.folder, output=out) as terminal:
        assert terminal.wait() == 0
    assert f"0/{count}" in terminal.shown.decode()
    lines = out.read_text().splitlines()
    assert len(lines) == count
    assert sum(len(line.split()) for line in lines) == (150 if count == 1 else 302)


def test_results_on_a_terminal_stand_alone_on_their_lines(place: Workplace) -> None:
    """`follow --json` on a terminal: the bar of progress stood before each result in its line."""
    run_ids = place.say("submit", "2.jsonl").out.split()
    with Terminal("follow", "--json", *run_ids, folder=place.folder) as terminal:
        assert terminal.wait() == 0
    *results, _ = _text(terminal.shown).splitlines()
    assert {json.loads(line)["run_id"] for line in results} == set(run_ids)
    assert not re.search(rb"\x1b", terminal.shown)
