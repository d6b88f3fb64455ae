"""`streamproc providers check`, as a user types it before the first worker starts."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.program import Said, run, sentence_of
from tests.e2e.workplace import Mock, mock_provider
from tests.servers.network import free_ports

KEY = "sk-never-to-be-shown"


@pytest.fixture(scope="module")
def mock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mock]:
    """A mock provider."""
    with mock_provider(tmp_path_factory.mktemp("mock")) as mock:
        yield mock


def a_provider(name: str, url: str, *models: str) -> str:
    """A provider in a settings file; its first model has a price."""
    price = f'prices."{models[0]}" = {{ input_usd = 0.15, output_usd = 2.5 }}\n'
    return f'[providers.{name}]\nbase_url = "{url}"\nmodels = {json.dumps(models)}\n{price}'


def checked(folder: Path, settings: str, *arguments: str) -> Said:
    """What the command says with these settings and a key."""
    (folder / "streamproc.toml").write_text(settings)
    variables = {"STREAMPROC_PROVIDERS__BAD__API_KEY": KEY} if "providers.bad" in settings else {}
    said = run("providers", "check", *arguments, folder=folder, **variables)
    assert KEY not in said.out + said.err
    assert "Traceback" not in said.err
    return said


def test_what_works_is_a_line_with_time_and_price(mock: Mock, tmp_path: Path) -> None:
    """The first model of each; Kafka is not asked."""
    mock.forget()
    settings = a_provider("one", mock.url, "mock-t3-i0-f0", "mock-t4-i0-f0") + a_provider("two", mock.url, "mock-t5")
    said = checked(tmp_path, settings)
    assert (said.code, said.err) == (0, "")
    rows = [line.split("\t") for line in said.out.splitlines()]
    assert [(*row[:2], *row[4:]) for row in rows] == [
        ("one", "main", "0.15", "2.5", "mock-t3-i0-f0"),
        ("two", "main", "0.15", "2.5", "mock-t5"),
    ]
    assert all(row[2].endswith(" ms") and row[3].endswith(" ms") for row in rows)
    assert mock.stats()["requests"] == 2


def test_all_models_of_one_provider(mock: Mock, tmp_path: Path) -> None:
    """As JSON, for a script; a price that is not known is null."""
    settings = a_provider("one", mock.url, "mock-t3-i0-f0", "mock-t4-i0-f0") + a_provider("two", mock.url, "mock-t5")
    said = checked(tmp_path, settings, "--provider", "one", "--all-models", "--json")
    found = [json.loads(line) for line in said.out.splitlines()]
    assert (said.code, [one["model"] for one in found]) == (0, ["mock-t3-i0-f0", "mock-t4-i0-f0"])
    assert [(one["works"], one["input_usd"], one["usage"]["output"]) for one in found] == [
        (True, "0.15", 3),
        (True, None, 4),
    ]


def test_a_row_for_each_credential(mock: Mock, tmp_path: Path) -> None:
    """Only the first credential was tried, and a row did not say which."""
    mock.forget()
    (tmp_path / "key").write_text(KEY)
    settings = a_provider("bad", mock.url, "mock-t3-i0-f0")
    settings += "".join(f'credentials.{name}.api_key_file = "{tmp_path / "key"}"\n' for name in ("team_a", "team_b"))
    said = checked(tmp_path, settings)
    assert [line.split("\t")[1] for line in said.out.splitlines()] == ["main", "team_a", "team_b"]
    assert (said.code, mock.stats()["requests"]) == (0, 3)


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("openai_chat", "/v1"),
        ("openai_responses", "/v1"),
        ("openai_completions", "/v1"),
        ("anthropic", ""),
        ("ollama", ""),
    ],
)
def test_every_kind(mock: Mock, tmp_path: Path, kind: str, path: str) -> None:
    """Text completions were asked with a conversation, which none of them answers: each was told not to work."""
    settings = a_provider("one", mock.url.removesuffix("/v1") + path, "mock-t3-i0-f0") + f'kind = "{kind}"\n'
    said = checked(tmp_path, settings)
    assert (said.code, said.err, said.out.split("\t")[0]) == (0, "", "one")


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (
            "mock-e401",
            "answered 401: Incorrect API key provided; set a key that may use this model: {variable} or providers.bad.",
        ),
        ("mock-e404", "see whether providers.bad.models and base_url name what the provider serves"),
        ("mock-quota", "see the account's credit and limits at the provider"),
        ("mock-e503", "answered 503"),
        ("mock-cut3", "the server closed the connection in the middle of its response"),
        ("mock-f60000", "did not answer within 2 s"),
    ],
)
def test_what_does_not_work_is_one_sentence(mock: Mock, tmp_path: Path, model: str, words: str) -> None:
    """It names provider and model and says what to do; the others are tried all the same."""
    settings = a_provider("bad", mock.url, model) + a_provider("good", mock.url, "mock-t3-i0-f0")
    said = checked(tmp_path, settings, "--seconds", "2")
    (sentence,) = said.err.splitlines()
    assert sentence.startswith(f"bad, credential main, model {model}: bad")
    assert words.format(variable="STREAMPROC_PROVIDERS__BAD__API_KEY") in sentence
    assert (said.code, said.out.split("\t")[0]) == (1, "good")


def test_a_provider_that_is_not_there(tmp_path: Path) -> None:
    """Nobody listens."""
    url = f"http://127.0.0.1:{free_ports(1)[0]}/v1"
    said = checked(tmp_path, a_provider("bad", url, "m"))
    assert (said.code, said.out) == (1, "")
    assert "see whether providers.bad.base_url is the server's address, and whether it runs" in said.err


def test_a_mistake_is_one_sentence(tmp_path: Path) -> None:
    """Exit code 2, and nobody is called."""
    assert "no provider in the settings" in sentence_of(checked(tmp_path, ""))
    said = checked(tmp_path, a_provider("good", "http://127.0.0.1:1/v1", "m"), "--provider", "other")
    assert sentence_of(said) == "no provider 'other' in the settings; there are: good"
