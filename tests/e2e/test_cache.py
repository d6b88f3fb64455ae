"""The shared store of answers, as an operator meets it: look, and empty it."""

import json
from pathlib import Path

import pytest

from tests.e2e.program import Said, run, sentence_of
from tests.servers.redis import Redis


def say(redis: Redis, folder: Path, *words: str) -> Said:
    """A command about the cache in this Redis."""
    return run("cache", *words, folder=folder, STREAMPROC_CACHE__REDIS_URL=redis.url)


def test_a_tenant_is_purged_and_its_namesakes_are_not(redis: Redis, tmp_path: Path) -> None:
    """Nor are keys of others; in the end everything of ours is gone."""
    names = ["acme", "acme:b", "a", "z/acme"]
    for name in names:
        for number in range(1200 if name == "acme" else 2):
            redis.ask("SET", f"streamproc:cache:{name}#{number}", "12345")
    redis.ask("SET", "another:program", "kept")
    before = say(redis, tmp_path, "stats", "--json")
    assert json.loads(before.out)["tenants"]["acme"] == {"entries": 1200, "used_bytes": 6000}
    purged = say(redis, tmp_path, "purge", "--tenant", "acme")
    assert (purged.code, purged.out) == (0, "1200 answers of acme are deleted; no worker gives them after 60 s\n")
    left = say(redis, tmp_path, "stats")
    assert left.out.splitlines() == ["2\t10\ta", "2\t10\tacme:b", "2\t10\tz/acme"]
    assert left.err == "6 answers of 3 tenants\n"
    assert say(redis, tmp_path, "purge", "--all").out.startswith("6 answers of all tenants")
    assert redis.ask("GET", "another:program") == "kept"
    assert say(redis, tmp_path, "purge", "--all").code == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("purge",), "say whose answers: --tenant NAME or --all, one of both"),
        (("purge", "--all", "--tenant", "a"), "say whose answers: --tenant NAME or --all, one of both"),
        (("purge", "--tenant", "a*"), "--tenant: 'a*' is no name of a tenant"),
        (("stats",), "cache.redis_url: "),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    words: tuple[str, ...], sentence: str, redis: Redis, tmp_path: Path
) -> None:
    """Nothing is asked of a Redis that is away for ever."""
    redis.kill()
    assert sentence_of(say(redis, tmp_path, *words)).startswith(sentence)


def test_without_a_shared_store_there_is_nothing_to_look_at(tmp_path: Path) -> None:
    """The sentence says what to do."""
    said = sentence_of(run("cache", "stats", folder=tmp_path))
    assert said.startswith("there is no cache.redis_url: answers are in the memory of each worker only")


def test_the_address_does_not_belong_into_the_settings_file(tmp_path: Path) -> None:
    """A password stands in it; a file of its own holds it."""
    (tmp_path / "streamproc.toml").write_text('[cache]\nredis_url = "redis://:secret@localhost/0"\n')
    said = sentence_of(run("cache", "stats", folder=tmp_path))
    assert "STREAMPROC_CACHE__REDIS_URL" in said
    assert "secret@" not in said
