"""Settings: where they come from, what is refused in which words, and that secrets stay secret."""

import os
from pathlib import Path

import pytest
from pydantic import SecretStr

from streamproc.cli.config import check, show
from streamproc.cli.options import settings_of
from streamproc.errors import SetupError
from streamproc.settings.load import load_settings
from streamproc.settings.secret import read_secret
from streamproc.settings.settings import Settings

SECRET = "sk-very-secret"


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine the tests run on."""
    for name in list(os.environ):
        if name.upper().startswith("STREAMPROC_"):
            monkeypatch.delenv(name)


def a_file(folder: Path, text: str) -> Path:
    """A settings file with this content."""
    path = folder / "settings.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refused(path: Path | None) -> str:
    """The sentence that refuses a settings file."""
    with pytest.raises(SetupError) as caught:
        load_settings(path)
    return str(caught.value)


def test_without_a_file_everything_has_its_default() -> None:
    """A worker starts with a broker on this machine."""
    settings = load_settings(None)
    assert settings == Settings()
    assert settings.kafka.bootstrap_servers == "localhost:9092"
    assert settings.sources[0].topic == "llm.requests"


def test_the_environment_goes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Setting by setting: what the variable does not say stays as the file has it."""
    path = a_file(tmp_path, 'allow_unpriced = true\n[kafka]\ngroup = "file"\nbootstrap_servers = "file:1"\n')
    monkeypatch.setenv("STREAMPROC_KAFKA__GROUP", "variable")
    monkeypatch.setenv("streamproc_worker__max_running", "7")
    settings = load_settings(path)
    assert (settings.kafka.group, settings.kafka.bootstrap_servers) == ("variable", "file:1")
    assert settings.worker.max_running == 7
    assert settings.allow_unpriced


def test_a_provider_of_the_file_gets_its_key_from_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deep places are reached, JSON is read where a list is wanted."""
    path = a_file(tmp_path, '[providers.own]\nbase_url = "http://x/v1"\nmodels = ["m"]\n')
    monkeypatch.setenv("STREAMPROC_PROVIDERS__OWN__API_KEY", SECRET)
    monkeypatch.setenv("STREAMPROC_PROVIDERS__OWN__TIMEOUTS__IDLE_SECONDS", "5")
    monkeypatch.setenv("STREAMPROC_SOURCES", '[{"topic": "a", "tenant": "t"}]')
    settings = load_settings(path)
    own = settings.providers["own"]
    assert (own.models, own.timeouts.idle_seconds) == (("m",), 5)
    assert own.api_key is not None
    assert own.api_key.get_secret_value() == SECRET
    assert settings.sources[0].tenant == "t"


@pytest.mark.parametrize(
    ("text", "place", "variable"),
    [
        (f'[kafka]\nsasl_password = "{SECRET}"', "kafka.sasl_password", "STREAMPROC_KAFKA__SASL_PASSWORD"),
        (f'[providers.own]\nmodels = ["m"]\napi_key = "{SECRET}"', "providers.own.api_key",
         "STREAMPROC_PROVIDERS__OWN__API_KEY"),
    ],
)  # fmt: skip
def test_a_secret_in_the_file_is_refused(tmp_path: Path, text: str, place: str, variable: str) -> None:
    """The sentence names the place, the variable and the file setting to use instead, and not the secret."""
    sentence = refused(a_file(tmp_path, text))
    assert f"{place} is a secret" in sentence
    assert f"set {variable} or {place}_file" in sentence
    assert SECRET not in sentence


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[kafka]\nheartbeat_interval_seconds = 4", ("heartbeat_interval_seconds", "session_timeout_seconds")),
        ("[kafka]\ncommit_interval_min_seconds = 1", ("commit_interval_min_seconds", "commit_interval_max_seconds")),
        ('[kafka]\nsecurity_protocol = "SASL_SSL"', ("security_protocol", "sasl_username")),
        ("[limits]\ndefault_output_tokens = 99999", ("default_output_tokens", "max_output_tokens")),
        ("[limits]\nmax_record_bytes = 200000", ("max_request_bytes", "max_record_bytes")),
        ('[[sources]]\ntopic = "a"\n[[sources]]\ntopic = "a"', ("sources", "same topic")),
        ('[topics]\nchunks = "llm.results"', ("topics", "a name of its own")),
        ('[providers.p]\nmodels = ["m"]\nbase_url = "https://u:secret@host/v1"', ("providers.p.base_url", "pattern")),
        ('[providers.p]\nmodels = ["m"]\nbase_url = "https://host/v1?key=secret"', ("providers.p.base_url", "pattern")),
        ("[kafka]\nsession_timeout_seconds = inf", ("session_timeout_seconds", "finite")),
        ('[providers.OpenAI]\nmodels = ["m"]', ("OpenAI", "lower-case")),
        ('[topics]\nchunks = "llm.requests"', ("topics", "a name of its own")),
    ],
)
def test_settings_that_do_not_go_together_are_refused(tmp_path: Path, text: str, words: tuple[str, str]) -> None:
    """Both names are in the sentence."""
    sentence = refused(a_file(tmp_path, text))
    assert all(word in sentence for word in words)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("bogus = 1", "bogus: "),
        ("[kafka]\nbootstrap = 1", "kafka.bootstrap: "),
        ('[providers.own]\nmodels = ["m"]\nurl = "x"', "providers.own.url: "),
        ("[worker]\nmax_running = 0", "worker.max_running: "),
        ('[worker]\nmax_running = "many"', "worker.max_running: "),
        ('[providers.own]\nmodels = ["m"]\nbase_url = "ftp://x"', "providers.own.base_url: "),
        ("[providers.own]\nmodels = []", "providers.own.models: "),
        ("[providers.own]", "providers.own.models: "),
        ('[[sources]]\ntopic = "a b"', "sources.0.topic: "),
        ("sources = []", "sources: "),
        ("kafka = 1", "kafka: "),
    ],
)
def test_a_wrong_setting_is_named_by_its_place(tmp_path: Path, text: str, place: str) -> None:
    """Unknown names and values out of range alike; the sentence names the file."""
    path = a_file(tmp_path, text)
    sentence = refused(path)
    assert place in sentence
    assert str(path) in sentence


def test_all_wrong_settings_are_told_at_once(tmp_path: Path) -> None:
    """One start, one list."""
    sentence = refused(a_file(tmp_path, "bogus = 1\n[worker]\nmax_running = 0\n[topics]\npartitions = 0"))
    assert all(place in sentence for place in ("bogus: ", "worker.max_running: ", "topics.partitions: "))


def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown name inside a group, a value out of range, and a list that is no JSON."""
    monkeypatch.setenv("STREAMPROC_KAFKA__BOOTSTRAP", "x")
    assert "kafka.bootstrap: " in refused(None)
    monkeypatch.delenv("STREAMPROC_KAFKA__BOOTSTRAP")
    monkeypatch.setenv("STREAMPROC_WORKER__MAX_RUNNING", "0")
    assert "wrong settings in the environment: worker.max_running: " in refused(None)
    monkeypatch.delenv("STREAMPROC_WORKER__MAX_RUNNING")
    monkeypatch.setenv("STREAMPROC_SOURCES", "[{")
    assert "sources" in refused(None)


def test_a_secret_of_a_variable_is_in_no_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when what stands around it is wrong."""
    monkeypatch.setenv("STREAMPROC_PROVIDERS__OWN__API_KEY", SECRET)
    sentence = refused(None)
    assert "providers.own.models: " in sentence
    assert SECRET not in sentence
    monkeypatch.setenv("STREAMPROC_PROVIDERS", f'{{"own": {{"api_key": "{SECRET}"')
    assert SECRET not in refused(None)


@pytest.mark.parametrize("text", ["[kafka", "a = ", "a = 1\na = 2"])
def test_a_file_that_is_no_toml_is_refused(tmp_path: Path, text: str) -> None:
    """The sentence names the file and the line."""
    path = a_file(tmp_path, text)
    assert refused(path).startswith(f"{path} is not valid TOML: ")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """Bytes that are no UTF-8."""
    path = tmp_path / "settings.toml"
    path.write_bytes(b"\xff\xfe")
    assert f"{path} is not valid TOML" in refused(path)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """Missing, or a folder."""
    assert refused(tmp_path / "none.toml") == (
        f"cannot read the settings file {tmp_path / 'none.toml'}: No such file or directory"
    )
    assert "cannot read the settings file" in refused(tmp_path)


def test_settings_show_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Neither printed by the command, nor in their repr; everything else is there."""
    path = a_file(tmp_path, '[providers.own]\nmodels = ["m"]\n')
    monkeypatch.setenv("STREAMPROC_PROVIDERS__OWN__API_KEY", SECRET)
    monkeypatch.setenv("STREAMPROC_KAFKA__SASL_PASSWORD", SECRET)
    monkeypatch.setenv("STREAMPROC_KAFKA__GROUP", "shown")
    assert show(config=path) == 0
    printed = capfdbinary.readouterr().out
    assert SECRET.encode() not in printed
    assert b'"sasl_password": "**********"' in printed
    assert b'"group": "shown"' in printed
    assert SECRET not in repr(load_settings(path))
    assert check(config=path) == 0
    assert capfdbinary.readouterr().out == b"ok: 1 sources, providers: own\n"


def test_the_file_in_use_is_the_named_one_or_the_one_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The option, else the variable, else `streamproc.toml` in this folder, else none."""
    monkeypatch.chdir(tmp_path)
    assert settings_of(None) == Settings()
    for name in ("streamproc", "variable", "option"):
        (tmp_path / f"{name}.toml").write_text(f'[kafka]\ngroup = "by {name}"\n', encoding="utf-8")
    assert settings_of(None).kafka.group == "by streamproc"
    assert settings_of(Path("option.toml")).kafka.group == "by option"
    monkeypatch.setenv("STREAMPROC_CONFIG", "variable.toml")
    assert settings_of(None).kafka.group == "by variable"
    assert settings_of(Path("option.toml")).kafka.group == "by option"


def test_a_secret_is_the_variable_s_value_or_the_file_s_content(tmp_path: Path) -> None:
    """White space around the content is not part of it; without either there is none."""
    path = tmp_path / "key"
    path.write_text(f"\n {SECRET} \n", encoding="utf-8")
    assert read_secret(None, None, "x.api_key") is None
    assert read_secret(None, path, "x.api_key") == SECRET
    assert read_secret(SecretStr("own"), path, "x.api_key") == "own"


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff"])
def test_a_secret_file_without_a_secret_is_refused(tmp_path: Path, content: bytes | None) -> None:
    """Missing, empty or no text: the sentence names the setting and the file."""
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SetupError, match=r"x\.api_key_file .*key"):
        read_secret(None, path, "x.api_key")


def test_settings_cannot_be_changed() -> None:
    """What was checked stays as it is."""
    with pytest.raises(ValueError, match="frozen"):
        setattr(load_settings(None), "allow_unpriced", True)  # noqa: B010 mypy refuses the assignment, as it should


def test_a_misspelled_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was passed over in silence, and the default held."""
    monkeypatch.setenv("STREAMPROC_WORKR__MAX_RUNNING", "1")
    with pytest.raises(SetupError, match="STREAMPROC_WORKR__MAX_RUNNING"):
        load_settings(None)
