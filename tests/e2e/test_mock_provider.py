"""The mock provider as a user starts it: faults by option, by model name, and the bill over HTTP."""

import json
import urllib.request
from pathlib import Path

import pytest

from tests.e2e.program import run, sentence_of
from tests.e2e.workplace import Mock, mock_provider


def post(mock: Mock, path: str, model: str) -> tuple[str, bytes]:
    """Content type and body of an answer to a small request."""
    body = json.dumps({"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": "a b"}]}).encode()
    with urllib.request.urlopen(f"http://{mock.address}{path}", data=body, timeout=10) as response:
        return response.headers["content-type"], response.read()


def test_faults_by_option_and_by_name(tmp_path: Path) -> None:
    """An option shows the fault to every model whose name plans none; the bill names both."""
    options = ("--fault", "page:1", "--tokens", "3", "--first-token-ms", "0", "--interval-ms", "0")
    with mock_provider(tmp_path, *options) as mock:
        assert post(mock, "/v1/messages", "claude")[0] == "text/html"
        kind, body = post(mock, "/v1/messages", "mock-nofinish")
        assert (kind, json.loads(body)["stop_reason"]) == ("application/json", None)
        calls = mock.stats(calls=True)["calls"]
    assert [(call["shape"], call["fault"], call["output_tokens"]) for call in calls] == [
        ("anthropic", "page", 0),
        ("anthropic", "nofinish", 3),
    ]


@pytest.mark.parametrize(
    ("share", "sentence"),
    [
        ("nonsense:0.1", "mock provider: 'nonsense' is no fault; there are: closefirst, "),
        ("gzip:3", "mock provider: the rate of fault 'gzip' must lie between 0 and 1, not '3'"),
    ],
)
def test_a_share_that_makes_no_sense(share: str, sentence: str, tmp_path: Path) -> None:
    """One sentence says what is wrong and what there is."""
    said = run("mock-provider", "--port", "0", "--fault", share, folder=tmp_path)
    assert sentence_of(said).startswith(sentence)
