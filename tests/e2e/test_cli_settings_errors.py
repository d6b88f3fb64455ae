"""Wrong settings and wrong command lines: one clear sentence, exit code 2, no traceback. Needs no Kafka."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.e2e.program import PROGRAM, environment, run, sentence_of

_PROVIDER = '[providers.p]\nbase_url = "{url}"\nmodels = ["m"]\n'

WRONG_SETTINGS = {
    "bad TOML": ("group = ]", "streamproc.toml is not valid TOML: ", "line 1"),
    "not UTF-8": (b"\xff\xfe", "streamproc.toml is not valid TOML: ", "decode"),
    "unknown key": ("[kafka]\nboostrap = 1", "kafka.boostrap", "not permitted"),
    "unknown table": ("[kafak]\ngroup = 'x'", "kafak", "not permitted"),
    "wrong type": ("[worker]\nmax_running = 'many'", "worker.max_running", "integer"),
    "wrong value": ("[kafka]\nsecurity_protocol = 'TLS'", "kafka.security_protocol", "SASL_SSL"),
    "out of range": ("[topics]\npartitions = 0", "topics.partitions", "greater than or equal to 1"),
    "against each other": (
        "[kafka]\nheartbeat_interval_seconds = 5",
        "kafka: ",
        "heartbeat_interval_seconds must be at most a third of session_timeout_seconds",
    ),
    "topics of one name": ("[topics]\nchunks = 'a'\nresults = 'a'", "topics: ", "name of its own"),
    "no address": (_PROVIDER.format(url="localhost:8000"), "providers.p.base_url", "^https?://"),
    "a route to nowhere": (
        "[routes.r.variants.v]\nuse = ['p/m']",
        "routes.r.variants.v: use names 'p/m'",
        "there is no provider 'p'",
    ),
    "provider without models": ("[providers.p]\nkind = 'scripted'", "providers.p.models", "Field required"),
}


@pytest.mark.parametrize(("content", "place", "reason"), WRONG_SETTINGS.values(), ids=WRONG_SETTINGS)
def test_a_wrong_settings_file_is_named_with_the_place(
    content: str | bytes, place: str, reason: str, tmp_path: Path
) -> None:
    """The sentence names the file, the setting and what it should be."""
    raw = content if isinstance(content, bytes) else content.encode()
    (tmp_path / "streamproc.toml").write_bytes(raw)
    sentence = sentence_of(run("config", "check", folder=tmp_path))
    assert "streamproc.toml" in sentence
    assert place in sentence
    assert reason in sentence


def test_a_rule_that_cannot_be_imported_is_named(tmp_path: Path) -> None:
    """Before a worker meets it; one that can is fine, and so is the route."""
    route = "[routes.r.variants.v]\nuse = ['p/m']\nwhen = { rule = 'own_rules:%s' }\n"
    (tmp_path / "own_rules.py").write_text("def always(request):\n    return True\n")
    for name in ("never", "always"):
        text = _PROVIDER.format(url="http://localhost:1/v1") + route % name
        (tmp_path / f"{name}.toml").write_text(text)
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    sentence = sentence_of(run("config", "check", "-c", "never.toml", folder=tmp_path, PYTHONPATH=path))
    assert sentence == "routes.r.variants.v.when.rule: 'own_rules' has no function 'never'"
    said = run("config", "check", "-c", "always.toml", folder=tmp_path, PYTHONPATH=path)
    assert (said.code, said.out) == (0, "ok: 1 sources, providers: p, routes: r\n")


def test_a_settings_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """By option and by variable alike."""
    expected = "cannot read the settings file none.toml: No such file or directory"
    assert sentence_of(run("config", "check", "-c", "none.toml", folder=tmp_path)) == expected
    assert sentence_of(run("config", "show", folder=tmp_path, STREAMPROC_CONFIG="none.toml")) == expected


def test_a_settings_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A folder in the place of a file stands for everything that cannot be read, also for root."""
    (tmp_path / "streamproc.toml").mkdir()
    sentence = sentence_of(run("config", "check", folder=tmp_path))
    assert sentence == "cannot read the settings file streamproc.toml: Is a directory"


@pytest.mark.parametrize(
    ("content", "place", "variable"),
    [
        ("[kafka]\nsasl_password = 'hunter2'", "kafka.sasl_password", "STREAMPROC_KAFKA__SASL_PASSWORD"),
        (
            "[providers.p]\nmodels = ['m']\napi_key = 'hunter2'",
            "providers.p.api_key",
            "STREAMPROC_PROVIDERS__P__API_KEY",
        ),
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_shown(content: str, place: str, variable: str, tmp_path: Path) -> None:
    """The sentence says which variable to set instead."""
    (tmp_path / "streamproc.toml").write_text(content)
    sentence = sentence_of(run("config", "check", folder=tmp_path))
    assert place in sentence
    assert variable in sentence
    assert "hunter2" not in sentence


def test_a_wrong_variable_is_named_without_its_value(tmp_path: Path) -> None:
    """The environment is checked like the file."""
    sentence = sentence_of(run("config", "check", folder=tmp_path, STREAMPROC_KAFKA__REQUEST_TIMEOUT_SECONDS="soon"))
    assert "wrong settings in the environment: kafka.request_timeout_seconds" in sentence
    assert "soon" not in sentence
    assert "STREAMPROC_" not in sentence_of(run("config", "check", folder=tmp_path, STREAMPROC_SOURCES="[{"))


def test_a_worker_without_settings_asks_for_a_provider(tmp_path: Path) -> None:
    """Nothing is configured at all: the first thing that is missing is named."""
    sentence = sentence_of(run("run", folder=tmp_path))
    assert sentence.startswith("no provider is configured: add a [providers.NAME] table")


@pytest.mark.parametrize(
    "arguments",
    [("nonsense",), ("run", "--nonsense"), ("submit",), ("mock-provider", "--port", "x")],
)
def test_a_wrong_command_line_is_told_without_a_traceback(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """A command, an option, an argument that is missing, a value of the wrong type."""
    said = run(*arguments, folder=tmp_path)
    assert said.code != 0
    assert "Error" in said.out + said.err
    assert "Traceback" not in said.out + said.err


@pytest.mark.parametrize("arguments", [("config", "show"), ("--help",)])
def test_a_reader_that_went_away_is_no_failure_worth_words(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """As with `| head`: the output has nowhere to go, and nobody wants to read why."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as gone:
        done = subprocess.run(
            (PROGRAM, *arguments),
            cwd=tmp_path,
            env=environment(),
            stdout=gone,
            stderr=subprocess.PIPE,
            check=False,
            timeout=30,
        )
    assert done.stderr == b""
    assert done.returncode in (0, 1)
