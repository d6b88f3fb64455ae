"""A campaign: load and storm together, then quiet, then the count."""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from streamproc.kafka.connection import client_options
from tests.chaos.arena import CALL_SECONDS, HEARTBEAT_SECONDS, RATES, SESSION_SECONDS, TOPIC, set_up
from tests.chaos.checker import Counts, Estimates, bought_twice, count, estimates
from tests.chaos.clusters import BrokerKind, running_cluster
from tests.chaos.evidence import ServedCall
from tests.chaos.exhibits import exhibits
from tests.chaos.load import Load
from tests.chaos.plan import doses, plan
from tests.chaos.reader import Reader
from tests.chaos.recovery import Recovery, recoveries, starts_by_partition
from tests.chaos.storm import Storm
from tests.chaos.workers import Crew
from tests.e2e.workplace import Mock, mock_provider

__all__ = ["RECOVERY_SECONDS", "Campaign", "Outcome"]

RECOVERY_SECONDS = SESSION_SECONDS + HEARTBEAT_SECONDS + 2
"""A killed worker's partitions stream again within this."""

_WORKERS = 3
_PATIENCE_SECONDS = CALL_SECONDS + 60  # after its time a lost call is billed by whoever owns the partition
_REST_SECONDS = 3.0
_TELL_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Campaign:
    """What is to be done; the seed decides on faults, victims and requests."""

    broker: BrokerKind
    seed: int
    minutes: float
    requests: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it. `may_be_bought_twice` are the calls that ran in workers when they were killed or frozen."""

    counts: Counts
    requests: int
    refused: int
    calls: int
    bought_twice: Mapping[str, int]
    may_be_bought_twice: int
    estimates: Estimates
    crashes: int
    faults: tuple[str, ...]
    recoveries: tuple[Recovery, ...]
    settle_seconds: float


async def run(campaign: Campaign, folder: Path, say: Callable[[str], None]) -> Outcome:
    """Runs the campaign in this folder; `say` takes a line for each thing that is done.

    Raises:
        ServerMissing: Apache Kafka is asked for, and cannot be had here.
    """
    with ExitStack() as stack:
        cluster = stack.enter_context(running_cluster(campaign.broker, folder))
        mock = stack.enter_context(mock_provider(folder))
        settings, file = await set_up(cluster, mock.url, folder)
        crew = stack.enter_context(Crew(file, folder))
        for _ in range(_WORKERS):
            crew.start()
        for member in crew.members:
            await asyncio.to_thread(member.worker.wait_until_ready)
        seconds = campaign.minutes * 60
        faults = plan(campaign.seed, seconds, doses(campaign.minutes), SESSION_SECONDS)
        storm = Storm(crew, cluster, settings.topics.chunks, say)
        load = Load(client_options(settings.kafka), TOPIC, campaign.seed, campaign.requests, seconds)
        say(f"{_WORKERS} workers are ready; {len(faults)} faults in {seconds:g} s")
        async with Reader(settings) as reader:
            reading = asyncio.create_task(_read(reader, load, say))
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(load.run())
                    group.create_task(storm.run(faults))
            finally:
                # aiokafka swallows a cancel now and then.
                while not reading.done():
                    reading.cancel()
                    await asyncio.wait([reading], timeout=1)
                if not reading.cancelled():
                    reading.result()
            quiet_at = time.monotonic()
            say("all faults are over, all requests are sent")
            counts = await _settle(reader, mock, say)
            settle_seconds = time.monotonic() - quiet_at
            calls = await asyncio.to_thread(_served, mock)
            evidence = reader.evidence(calls)
            if counts.faults:
                (folder / "exhibits.txt").write_text("\n".join(exhibits(evidence)), encoding="utf-8")
            return Outcome(
                counts=counts,
                requests=len(evidence.requests),
                refused=load.refused,
                calls=len(calls),
                bought_twice=bought_twice(evidence),
                may_be_bought_twice=storm.in_flight,
                estimates=estimates(evidence),
                crashes=storm.crashes,
                faults=tuple(storm.done),
                recoveries=tuple(
                    recoveries(
                        storm.departures,
                        starts_by_partition(evidence.chunks),
                        storm.moments,
                        SESSION_SECONDS + HEARTBEAT_SECONDS,
                    )
                ),
                settle_seconds=settle_seconds,
            )


async def _read(reader: Reader, load: Load, say: Callable[[str], None]) -> None:
    told = looked = time.monotonic()
    while True:
        await reader.read(0.2)
        if time.monotonic() - looked > 1:
            looked = time.monotonic()
            await reader.look_at_offsets()
        if time.monotonic() - told > _TELL_SECONDS:
            told = time.monotonic()
            say(f"sent {load.sent}, answered {len(reader.answered)}, waiting {reader.unanswered}")


async def _settle(reader: Reader, mock: Mock, say: Callable[[str], None]) -> Counts:
    """Waits until nothing is missing any more, or nobody can hope for it; then counts once more a while later."""
    started = told = time.monotonic()
    while True:
        await reader.rest()
        await reader.look_at_offsets()
        calls = await asyncio.to_thread(_served, mock)
        counts = count(reader.evidence(calls))
        # Lost calls get their lines by their names: where calls have none, no line will come any more.
        may_come = counts.unaccounted and all(call.name for call in calls)
        is_missing = counts.lost or counts.uncommitted or may_come or mock.stats()["running"]
        if not is_missing or time.monotonic() - started > _PATIENCE_SECONDS:
            break
        if time.monotonic() - told > _TELL_SECONDS:
            told = time.monotonic()
            say(f"waiting: lost={counts.lost} uncommitted={counts.uncommitted} unaccounted={counts.unaccounted}")
        await asyncio.sleep(1)
    # Whoever doubles something may do it late.
    await asyncio.sleep(_REST_SECONDS)
    await reader.rest()
    return count(reader.evidence(await asyncio.to_thread(_served, mock)))


def _served(mock: Mock) -> list[ServedCall]:
    return [ServedCall.listed(call, RATES) for call in mock.stats(calls=True)["calls"]]
