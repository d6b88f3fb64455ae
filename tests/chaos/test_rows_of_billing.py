"""A billing job that is killed at random moments: no line is lost and none counts twice.

Two kills for each database, and five in CI; STREAMPROC_TEST_KILLS=20 asks for more. The seed is printed, and can be set by
STREAMPROC_TEST_SEED.
"""

import asyncio
import os
import random
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamproc.billing.opening import open_bill
from streamproc.settings.billing import BillingSettings
from tests.e2e.program import start
from tests.e2e.usage_lines import UsageLines
from tests.e2e.workplace import Workplace
from tests.servers.embedded import EmbeddedBroker
from tests.servers.network import wait_until

_KILLS = int(os.environ.get("STREAMPROC_TEST_KILLS", "2"))
_SEED = os.environ.get("STREAMPROC_TEST_SEED") or secrets.token_hex(4)
_LINES_OF_A_KILL = 6_000
_LONGEST_SECONDS = 0.4  # from a job's start to its end by force; it stores a batch in a tenth of that


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Address of an empty bill."""
    if request.param == "postgres":
        yield request.getfixturevalue("postgres").new_database()
    else:
        yield f"sqlite:{tmp_path / 'bill.sqlite'}"


async def look(store: str) -> tuple[dict[int, int], int, int]:
    """Offsets, lines and their cost; the sums say the same as the lines."""
    async with open_bill(BillingSettings(store=store), create=True) as bill:
        [(topic,)] = await bill._database.select("SELECT MAX(topic) FROM usage_offsets")
        assert await bill.wrong_sums() == []
        totals = (await bill.totals()).values()
        return await bill.offsets(topic or ""), sum(one.lines for one in totals), sum(one.cost_nanos for one in totals)


@pytest.mark.timeout(300)
def test_row_20_a_killed_job_neither_loses_nor_doubles_a_line(tmp_path: Path, store: str) -> None:
    """After every kill the bill is the sum of the topic up to the bill's own offsets, to the nano-dollar."""
    draw = random.Random(_SEED)
    print(f"seed {_SEED}, {_KILLS} kills")
    usage = UsageLines(3, _LINES_OF_A_KILL * _KILLS // 3)
    reached = set()
    with EmbeddedBroker() as broker, Workplace(tmp_path, broker.bootstrap, "kills", partitions=3) as place:
        usage.fill(broker.bootstrap, place.topic("usage"))
        command = ("billing", "run", "--until-end", "--store", store, "--config", str(place.settings))
        for number in range(_KILLS):
            log = tmp_path / f"job-{number}.log"
            job = start(*command, output=log)
            wait_until(lambda log=log: b"billing started" in log.read_bytes(), job, "the job")  # type: ignore[misc] # mypy knows no defaults here
            time.sleep(draw.uniform(0, _LONGEST_SECONDS))
            job.kill()
            offsets, lines, cost = asyncio.run(look(store))
            reached.add(sum(offsets.values()))
            assert (lines, cost) == (sum(offsets.values()), usage.cost_up_to(offsets))
        assert place.say("billing", "run", "--until-end", "--store", store).code == 0
        offsets, lines, cost = asyncio.run(look(store))
        assert lines == usage.each * 3
        assert cost == usage.cost_up_to(dict.fromkeys(range(3), usage.each))
        verified = place.say("billing", "verify", "--store", store)
        assert verified.code == 0, verified
    print(f"offsets at the kills: {sorted(reached)}")
