"""Forked commands of the tests: what a user's command would say and do."""

import signal
from pathlib import Path

import pytest

from streamproc.money.encodings import O200K
from streamproc.money.tokens import TokenCounter
from tests.e2e.program import run, start
from tests.servers.network import wait_until

REQUEST = '{"model": "m", "colour": "red"}\n'


@pytest.mark.parametrize(
    ("arguments", "stdin", "variables"),
    [
        (("config", "show"), "", {"STREAMPROC_KAFKA__GROUP": "of a variable"}),
        (("submit", "-", "--topic", "é"), REQUEST, {}),
        (("dead", "show", "bogus"), "", {}),
    ],
    ids=["variables and folder", "standard input", "a mistake"],
)
def test_it_says_what_a_new_process_says(
    arguments: tuple[str, ...],
    stdin: str,
    variables: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Words and exit code, for the same arguments, variables, folder and input."""
    (tmp_path / "streamproc.toml").write_text('sources = [{ topic = "of-the-folder" }]')
    warm = run(*arguments, folder=tmp_path, stdin=stdin, **variables)
    monkeypatch.delenv("STREAMPROC_TEST_WARM")
    assert warm == run(*arguments, folder=tmp_path, stdin=stdin, **variables)
    assert warm.out + warm.err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGKILL, -9)])
def test_signals_reach_it(number: signal.Signals, code: int, tmp_path: Path) -> None:
    """It ends by them, and its end is told."""
    log = tmp_path / "log"
    process = start("mock-provider", "--port", "0", output=log)
    try:
        wait_until(lambda: b"serving" in log.read_bytes(), process, "the mock provider")
        assert process.exit_code is None
        if number == signal.SIGKILL:
            process.kill()
        else:
            process.stop()
        assert process.exit_code == code
    finally:
        process.kill()


def test_ranks_are_loaded_once() -> None:
    """Whoever counts tokens after another finds them loaded. They were kept under a name that no counter asks by."""
    one, other = TokenCounter(), TokenCounter()
    assert one._encoding(O200K) is other._encoding(O200K)
