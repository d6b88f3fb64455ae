"""`streamproc tokens`: counting a file, without Kafka, keys or a network."""

import json
from pathlib import Path
from typing import Any

import pytest

from streamproc.records.codec import RequestDecoder, encode_usage
from streamproc.records.input_hash import input_hash
from streamproc.records.usage import TokenCounts
from tests.lines import a_line
from tests.unit.cli.inside import Said, say

SETTINGS = """
[providers.openai]
models = ["gpt-4o-mini"]

[providers.mine]
base_url = "http://127.0.0.1:1/v1"
models = ["m"]
prices.m = { input_usd = 1.0, output_usd = 2.0 }
"""


def a_request(name: str, model: str, text: str, **fields: Any) -> str:
    """A line of a file."""
    message = {"role": "user", "content": text}
    return json.dumps({"request_id": name, "model": model, "messages": [message], **fields})


def counted(folder: Path, text: str, *arguments: str, settings: str = SETTINGS) -> Said:
    """What the command says of a file with this text."""
    (folder / "streamproc.toml").write_text(settings)
    (folder / "asked.jsonl").write_text(text)
    return say("tokens", "asked.jsonl", *arguments, folder=folder)


def test_each_request_and_the_total(tmp_path: Path) -> None:
    """Exact for OpenAI's own model; the bound is bytes and an allowance, and its price what workers reserve."""
    first = a_request("a", "gpt-4o-mini", "hello world", max_output_tokens=10)
    second = a_request("b", "m", "hello world", max_output_tokens=20)
    said = counted(tmp_path, f"{first}\n\n{second}\n")
    rows = [line.split("\t") for line in said.out.splitlines()]
    assert (said.code, said.err) == (0, "")
    most = [len(first) + 1024, len(second) + 1024]
    nanos = most[1] * 1000 + 20 * 2000
    assert rows[0] == ["a", "9", str(most[0]), "10", rows[0][4], "o200k_base, exact"]
    assert rows[1] == ["b", "10", str(most[1]), "20", f"$0.{nanos:09d}".rstrip("0"), "o200k_base x 1.20, not learned"]
    assert rows[2][:4] == ["total", "19", str(sum(most)), "30"]


def test_a_factor_is_learned_from_usage_of_the_same_requests(tmp_path: Path) -> None:
    """It is told with its error; lines of other requests, and those that no provider told, teach nothing."""
    text = a_request("a", "m", " the" * 100)
    request = RequestDecoder(max_bytes=10_000, max_messages=9, max_output_tokens=9).decode(text.encode())
    told: dict[str, Any] = {"provider": "mine", "model": "m", "tokens": TokenCounts(input=157, output=3)}
    known = [a_line(input_hash=input_hash(request), **told) for _ in range(6)]
    others = [a_line(**told), a_line(input_hash=input_hash(request), **{**told, "basis": "estimated"})] * 9
    (tmp_path / "usage.jsonl").write_bytes(b"\n".join(encode_usage(line) for line in [*others, *known]))
    said = counted(tmp_path, text, "--usage", "usage.jsonl", "--json")
    found = json.loads(said.out)
    assert (found["tokens"], found["is_exact"], found["most_input"]) == (157, False, len(text) + 1024)
    assert found["counted_by"] == "o200k_base x 1.50, learned from 6 calls, error 0.0 %"
    kin = a_request("b", "n", " the" * 100)
    settings = SETTINGS.replace('["m"]', '["m", "n"]') + "prices.n = { input_usd = 1.0, output_usd = 2.0 }\n"
    said = counted(tmp_path, f"{text}\n{kin}", "--usage", "usage.jsonl", "--json", settings=settings)
    found = json.loads(said.out.splitlines()[1])
    assert (found["tokens"], found["counted_by"]) == (157, "o200k_base x 1.50, learned from other models of mine")


@pytest.mark.parametrize(
    ("text", "arguments", "words"),
    [
        ('{"request_id": "a"}\n{"x": 1}\n', (), "asked.jsonl has wrong lines:\n  line 1: model: Field required"),
        (a_request("a", "m", "x") + "\n{", (), "asked.jsonl has wrong lines:\n  line 2: "),
        ("\n", (), "asked.jsonl holds no request: put one JSON object on each line"),
        ("x", ("--text",), "--text needs --model: a plain text names none"),
        (a_request("a", "m", "x"), ("--since", "1h"), "--since goes with --from-topic"),
        (
            a_request("a", "m", "x"),
            ("--usage", "asked.jsonl"),
            "asked.jsonl has lines that are no usage lines:\n  line 1",
        ),
        (a_request("a", "m", "x"), ("--usage", "none.jsonl"), "cannot read none.jsonl: No such file or directory"),
        (
            a_request("a", "m", "x"),
            ("--usage", "x", "--from-topic"),
            "a file of usage lines and --from-topic do not go",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, arguments: tuple[str, ...], words: str, tmp_path: Path) -> None:
    """And nothing is counted."""
    said = counted(tmp_path, text, *arguments)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(f"streamproc: {words}")


def test_a_text_that_is_none(tmp_path: Path) -> None:
    """The first byte that is wrong is told."""
    (tmp_path / "asked.txt").write_bytes(b"abc\xff")
    said = say("tokens", "asked.txt", "--text", "--model", "gpt-4o", folder=tmp_path)
    assert said == (2, "", "streamproc: asked.txt is no UTF-8 text: byte 3 is wrong\n")


ROUTE = """
[routes.chat.variants.a]
use = ["mine/m", "openai/gpt-4o-mini"]
"""


@pytest.mark.parametrize(("model", "arguments"), [("chat", ()), ("gpt-4o-mini", ("--model", "chat"))])
def test_a_route_is_counted_as_its_first_model(model: str, arguments: tuple[str, ...], tmp_path: Path) -> None:
    """And the command says so."""
    text = a_request("a", model, "hello world", max_output_tokens=20)
    said = counted(tmp_path, text, *arguments, settings=SETTINGS + ROUTE)
    assert said.out.split("\t")[:2] == ["a", "10"]
    assert (said.code, said.err) == (0, "of a route only the first model is counted: chat as mine/m\n")
