"""`streamproc estimate`: cost before anything is built."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from streamproc.records.codec import encode_usage
from streamproc.records.usage import TokenCounts
from tests.lines import a_line
from tests.unit.cli.inside import Said, say
from tests.unit.cli.test_tokens import a_request

SETTINGS = """
[providers.dear]
base_url = "http://127.0.0.1:1/v1"
models = ["large"]
prices.large = { input_usd = 10.0, output_usd = 20.0 }
facts.large = { tools = true, context_tokens = 100000 }

[providers.low]
base_url = "http://127.0.0.1:1/v1"
models = ["small", "plain", "unpriced"]
prices.small = { input_usd = 1.0, output_usd = 2.0 }
prices.plain = { input_usd = 0.1, output_usd = 0.2 }
facts.plain = { tools = false }
"""
TOOL = {"type": "function", "function": {"name": "f"}}
FILE = "\n".join(
    (
        a_request("a", "dear/large", " the" * 93, max_output_tokens=50, tools=[TOOL]),
        a_request("b", "small", " the" * 93, max_output_tokens=100),
        a_request("c", "small", " the" * 93, max_output_tokens=100),
    )
)


def estimated(folder: Path, *arguments: str, file: str = FILE, settings: str = SETTINGS) -> Said:
    """What the command says of a thousand such requests a day."""
    (folder / "streamproc.toml").write_text(settings)
    (folder / "asked.jsonl").write_text(file)
    return say("estimate", "asked.jsonl", "--requests-per-day", "3000", *arguments, folder=folder)


def rows_of(said: Said) -> list[dict[str, Any]]:
    """The plans of JSON output."""
    return [json.loads(line) for line in said.out.splitlines()]


def test_the_file_as_it_is_and_all_of_it_on_each_model(tmp_path: Path) -> None:
    """Each model with its share of the load, and together; then the alternatives, and the cheapest that can."""
    said = estimated(tmp_path, "--output-tokens", "10", "--hit-rate", "0.5", "--scale", "7.5", "--format", "json")
    rows = rows_of(said)
    assert [(row["plan"], row["provider"], row["model"], row["requests"]) for row in rows] == [
        ("as written", "dear", "large", 1),
        ("as written", "low", "small", 2),
        ("as written", None, None, 3),
        ("on one model", "dear", "large", 3),
        ("on one model", "low", "small", 3),
        ("on one model", "low", "plain", 3),
        ("on one model", "low", "unpriced", 3),
    ]
    small = rows[1]
    # 93 words x 1.2 and 7 for the template: 119 tokens at $1, 10 at $2 a million; 1,000 of 2,000 a day are called.
    assert (small["input_tokens"], small["output_tokens"], small["mean_usd"]) == (119, 10, "0.000139")
    assert (small["day_usd"], small["month_usd"], small["scaled_usd"]) == ("0.139", "4.17", "31.275")
    assert rows[5]["problems"] == ["tools: 'plain' calls no tools"]
    assert (rows[6]["month_usd"], rows[6]["unknown"]) == (None, 3)
    cheapest = f"cheapest that can answer all: low/small, ${rows[4]['month_usd']} a month"
    assert said.err.splitlines() == [
        "low/plain cannot answer 1 of 3 requests: tools: 'plain' calls no tools",
        "low/unpriced has no known price for 3 of 3 requests; set providers.low.prices",
        f"all 3 requests, each made once: at most ${rows[2]['all_worst_usd']}",
        f"{cheapest}; not said in its facts: context_tokens, tools",
    ]
    assert said.code == 0


def test_the_sum_of_the_parts_is_the_whole(tmp_path: Path) -> None:
    """Also for a spreadsheet; the worst case is the dearest upper bound."""
    said = estimated(tmp_path, "--format", "csv", "--model", "small", "--output-tokens", "10")
    rows = list(csv.DictReader(io.StringIO(said.out)))
    one, two, both, _ = rows
    assert float(both["month_usd"]) == pytest.approx(float(one["month_usd"]) + float(two["month_usd"]))
    bound = len(FILE.splitlines()[0]) + 1024
    assert float(both["all_worst_usd"]) == pytest.approx(float(one["all_worst_usd"]) + float(two["all_worst_usd"]))
    assert float(one["all_worst_usd"]) >= float(one["worst_usd"])
    assert float(both["worst_usd"]) == float(one["worst_usd"]) == pytest.approx((bound * 10 + 50 * 20) / 10**6)


def test_answers_as_long_as_usage_lines_have_them(tmp_path: Path) -> None:
    """By model; one that nobody has used yet takes the mean of all, and none answers more than its limit."""
    tokens = [TokenCounts(input=1, output=count) for count in (11, 20, 900)]
    lines = [
        a_line(provider="low", model="small", tokens=tokens[0]),
        a_line(provider="low", model="small", tokens=tokens[1]),
        a_line(provider="old", model="gone", tokens=tokens[2]),
    ]
    (tmp_path / "usage.jsonl").write_bytes(b"\n".join(encode_usage(line) for line in lines))
    said = estimated(tmp_path, "--output-tokens", "mean", "--usage", "usage.jsonl", "--format", "json")
    outputs = {row["model"]: row["output_tokens"] for row in rows_of(said) if row["plan"] == "as written"}
    assert outputs["small"] == 16
    assert outputs["large"] == 50


def test_what_is_not_known_is_listed_and_makes_the_whole_unknown(tmp_path: Path) -> None:
    """A model that is not configured has no cost, which is not zero."""
    said = estimated(tmp_path, "--model", "small", file=FILE + "\n" + a_request("d", "gpt-9", "x"))
    rows = [line.split("\t") for line in said.out.splitlines()]
    assert [row[-1] for row in rows if "unknown" in row] == ["gpt-9 (cannot answer all)", "all"]
    assert "gpt-9 cannot answer 1 of 1 requests: it is not in the settings" in said.err
    assert said.code == 1


def test_a_reason_for_each_request_is_not_told_for_each(tmp_path: Path) -> None:
    """The first three and how many there are beside them."""
    texts = [
        json.dumps({"request_id": "a", "model": "small", "input": ["x"] * n, "dimensions": 8192})
        for n in range(400, 410)
    ]
    said = estimated(tmp_path, "--model", "small", "--format", "json", file="\n".join(texts))
    row = rows_of(said)[1]
    assert [problem.partition(" vectors")[0] for problem in row["problems"]] == [
        "input: 400", "input: 401", "input: 402", "other reasons",
    ]  # fmt: skip
    assert "low/small cannot answer 7 of 10 requests: other reasons" in said.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--hit-rate", "1.5"), "--hit-rate: 1.5 is not between 0 and 1"),
        (("--hit-rate", "20%"), "--hit-rate: '20%' is no number from 0 on, such as 20000 or 0.5"),
        (("--scale", "-1"), "--scale: '-1' is no number from 0 on, such as 20000 or 0.5"),
        (("--scale", "1e999999999"), "--scale: '1e999999999' is no number from 0 on, such as 20000 or 0.5"),
        (("--output-tokens", "many"), "--output-tokens: 'many' is neither a number of tokens nor mean nor max"),
        (
            ("--output-tokens", "mean"),
            "--output-tokens mean: no usage line tells of an answer; name --usage or --from-topic",
        ),
        (("--model", "gpt-9"), "--model: model 'gpt-9' is not configured; there are: large, small, plain, unpriced"),
    ],
)
def test_a_mistake_is_one_sentence(arguments: tuple[str, ...], words: str, tmp_path: Path) -> None:
    """Exit code 2, and no table."""
    said = estimated(tmp_path, *arguments)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(f"streamproc: {words}")


def test_a_route_is_counted_as_its_first_model(tmp_path: Path) -> None:
    """As written and by name; the command says so."""
    route = '[routes.chat.variants.a]\nuse = ["low/small", "dear/large"]\n'
    said = estimated(
        tmp_path, "--model", "chat", "--format", "json", file=a_request("a", "chat", "x"), settings=SETTINGS + route
    )
    assert [(row["plan"], row["model"]) for row in rows_of(said)] == [
        ("as written", "small"),
        ("on one model", "small"),
    ]
    assert (said.code, "of a route only the first model is counted: chat as low/small" in said.err) == (0, True)
