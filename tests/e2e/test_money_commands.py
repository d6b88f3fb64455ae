"""Counting, pricing and estimating, as a user types it; what they say in full is tested with the commands."""

import asyncio
import json
from pathlib import Path

from streamproc.kafka.topics import create_topics
from streamproc.records.codec import encode_usage
from streamproc.settings.load import load_settings
from tests.e2e.program import run, sentence_of
from tests.e2e.records import send
from tests.e2e.workplace import Workplace
from tests.unit.cli.test_prices import CHANGED, EARLY, LATE, SETTINGS
from tests.unit.cli.test_tokens import SETTINGS as UNDATED
from tests.unit.cli.test_tokens import a_request


def test_a_text_and_requests_from_standard_input(tmp_path: Path) -> None:
    """Without any settings a model is counted as its name says."""
    said = run("tokens", "-", "--text", "--model", "gpt-4o", folder=tmp_path, stdin="hello world")
    assert said.code == 0
    assert said.out.splitlines()[0].split("\t") == ["text", "2", "1035", "1024", "unknown", "o200k_base, exact"]
    assert said.err == "not in the settings, so counted as the name says and without a price: gpt-4o\n"
    (tmp_path / "streamproc.toml").write_text(UNDATED)
    asked = ("estimate", "-", "--requests-per-day", "100", "--model", "m", "--format", "json")
    said = run(*asked, folder=tmp_path, stdin=a_request("a", "m", "hello", max_output_tokens=5))
    assert (said.code, [json.loads(line)["month_usd"] for line in said.out.splitlines()]) == (0, ["0.057", "0.057"])


def test_the_usage_topic_is_priced_again(bootstrap: str, topic_prefix: str, tmp_path: Path) -> None:
    """All of its partitions; one that holds something else is told by its place."""
    place = Workplace(tmp_path, bootstrap, topic_prefix, SETTINGS)
    asyncio.run(create_topics(load_settings(place.settings)))
    usage = place.topic("usage")
    send(bootstrap, usage, [(b"k", encode_usage(line), (), at) for at, line in enumerate((EARLY, CHANGED, LATE))])
    again = place.say("prices", "again", "--from-topic")
    assert (again.code, again.err) == (1, "")
    assert [line.split("\t")[:5] for line in again.out.splitlines()] == [
        ["acme", "1", "$0.00002", "$0.000023", "$0.000003"],
        ["default", "2", "$0.000115", "$0.000115", "$0.00"],
    ]
    assert place.say("prices", "again", "--from-topic", "--since", "2099-01-01T00:00:00Z").err == "no usage lines\n"
    send(bootstrap, usage, [(b"k", b"{}", (), 3)])
    sentence = sentence_of(place.say("prices", "again", "--from-topic"))
    assert sentence.startswith(f"{usage} partition 3 offset 0 cannot be read: usage_id: ")


def test_a_line_of_a_newer_version(bootstrap: str, topic_prefix: str, tmp_path: Path) -> None:
    """It might mean something else: it is told, and nothing is added up."""
    place = Workplace(tmp_path, bootstrap, topic_prefix, SETTINGS)
    asyncio.run(create_topics(load_settings(place.settings)))
    types = (b"streamproc.usage.v2", b"streamproc.usage.v3")
    lines = [(b"k", encode_usage(EARLY), (("ce_type", kind),), 0) for kind in types]
    send(bootstrap, place.topic("usage"), lines)
    said = place.say("prices", "again", "--from-topic")
    sentence = (
        f"{place.topic('usage')} partition 0 offset 1 cannot be read: it is a usage line of version 3; this program"
        " reads up to 2: upgrade it"
    )
    assert (sentence_of(said), said.out) == (sentence, "")
