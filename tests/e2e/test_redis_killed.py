"""Redis dies in the middle and comes back empty: it held stored answers and the budgets' ledger, and nothing is lost."""

import json
import os
import time
from collections import Counter
from itertools import cycle
from pathlib import Path

from tests.e2e.documents import docstrings, native_request
from tests.e2e.records import read_topic
from tests.e2e.workplace import MOCK, Mock, Workplace, mock_provider
from tests.servers.redis import Redis

_MODEL = "mock-t20-i10-f50"
_REQUESTS = int(os.environ.get("STREAMPROC_TEST_REDIS_REQUESTS", "500"))
_AWAY_SECONDS = 2.0

_SHARED = """
[cache]
enabled = true
redis_url_file = "URL_FILE"
max_memory_bytes = 65536
max_entry_bytes = 16384

[budgets]
ledger = "redis"
redis_url_file = "URL_FILE"
redis_timeout_seconds = 1
note_within_seconds = 3
caps = [{ scope = "global", window = "month", usd = 1000 }]

[worker]
max_running = 20
"""


def requests(count: int) -> list[str]:
    """A tenth of them ask what another one asked before, so that stored answers are looked for."""
    texts = [f"{number}: {text}" for number, text in zip(range(count), cycle(docstrings(300)), strict=False)]
    return [
        native_request(f"n-{number}", _MODEL, texts[number - 7] if number % 10 == 9 else text, tenant="acme")
        for number, text in enumerate(texts)
    ]


def until(mock: Mock, calls: int) -> None:
    """Waits until the provider has completed so many calls."""
    give_up = time.monotonic() + 60
    while mock.stats()["completed"] < calls and time.monotonic() < give_up:
        time.sleep(0.02)


def test_a_redis_that_dies_and_comes_back_empty_loses_and_doubles_nothing(
    bootstrap: str, topic_prefix: str, tmp_path: Path, redis: Redis
) -> None:
    """Two workers: one result for each request, one usage line for each call, and the sums are the provider's own."""
    (tmp_path / "url").write_text(redis.url, encoding="utf-8")
    shared = _SHARED.replace("URL_FILE", str(tmp_path / "url"))
    with mock_provider(tmp_path) as mock:
        more = MOCK.format(url=mock.url, model=_MODEL) + shared
        with Workplace(tmp_path, bootstrap, topic_prefix, more) as place:
            submitted = place.say("submit", "-", stdin="\n".join(requests(_REQUESTS)))
            for _ in range(2):
                place.start_worker()
            until(mock, _REQUESTS // 4)
            redis.kill()
            before = mock.stats()["completed"]
            time.sleep(_AWAY_SECONDS)
            redis.start()
            followed = place.say("follow", "-", "--json", stdin=submitted.out)
            stats = mock.stats()
        assert before < _REQUESTS * 3 // 4, "Redis was killed too late to disturb anything"
        print(f"Redis killed after {before} calls of {_REQUESTS}; {stats['completed']} calls in all")
        assert followed.code == 0, followed.err
        assert {json.loads(line)["status"] for line in followed.out.splitlines()} == {"completed"}

        runs = Counter(stored.json()["run_id"] for stored in read_topic(bootstrap, place.topic("results")))
        assert runs.keys() == set(submitted.out.split())
        assert runs.total() == _REQUESTS
        lines = [stored.json() for stored in read_topic(bootstrap, place.topic("usage"))]
        assert len({line["usage_id"] for line in lines}) == len(lines)
        calls = [line for line in lines if line["basis"] != "cache"]
        assert {line["basis"] for line in calls} == {"provider"}
        assert len(calls) == stats["completed"] == stats["requests"]
        assert sum(line["tokens"]["input"] for line in calls) == stats["input_tokens"]
        assert sum(line["tokens"]["output"] for line in calls) == stats["output_tokens"]
        assert sum(line["cost_nanos"] for line in calls) == 1000 * stats["input_tokens"] + 2000 * stats["output_tokens"]
        assert len(lines) == _REQUESTS
