"""`python -m tests.chaos.budget --seed 7`: the budget race. Many requests at once, a budget for a tenth of them.

The provider's own list of calls, priced by the rates of the settings, must not pass the cap, whatever is killed on the
way. The seed comes first, the counts last; the exit code is 1 when one is not zero. With `--kills 0` it is also counted
how much of the cap was used.
"""

import argparse
import asyncio
import logging
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from streamproc.kafka.connection import client_options
from streamproc.kafka.sender import Sender
from streamproc.kafka.topics import create_topics
from streamproc.records.codec import encode_json
from streamproc.settings.load import load_settings
from streamproc.settings.settings import Settings
from tests.chaos.checker import count
from tests.chaos.clusters import BrokerKind, running_cluster
from tests.chaos.evidence import ServedCall
from tests.chaos.reader import Reader
from tests.chaos.workers import Crew
from tests.e2e.workplace import Mock, mock_provider

__all__ = ["Disturbance", "Outcome", "Race", "race", "run_in_new_folder"]

Disturbance = Callable[[], Awaitable[str]]
"""Something else that is done to the surroundings in the middle; it says in words what it did."""

INPUT_NANOS, OUTPUT_NANOS = 10, 2000
MODELS = {f"mock-t{tokens}-i2-f5": tokens for tokens in (10, 20, 30, 60)}
MAX_OUTPUT_TOKENS = 100
MEAN_NANOS = OUTPUT_NANOS * sum(MODELS.values()) // len(MODELS)
_CALL_SECONDS = 4.0
_PATIENCE_SECONDS = 150.0
_QUIET_SECONDS = 2.0

_SETTINGS = """
sources = [{{ topic = "race.requests" }}]

[kafka]
bootstrap_servers = "{bootstrap}"
group = "race"
start_without_offset = "earliest"
session_timeout_seconds = 4
heartbeat_interval_seconds = 1

[topics]
chunks = "race.chunks"
results = "race.results"
usage = "race.usage"
dead = "race.dead"
control = "race.control"
admin = "race.admin"
alerts = "race.alerts"
journal = "race.journal"
deferred = "race.deferred"
partitions = 4
replication_factor = {copies}

[worker]
max_crashes = 20

[retry]
wait_cap_seconds = 2

[observe]
metrics_port = 0

[budgets]
kill_at = 1.0
caps = [{{ scope = "tenant=race", window = "month", usd = {cap_usd} }}]
{more}

[providers.mock]
base_url = "{url}"
models = {models}
timeouts.total_seconds = {call}
timeouts.first_byte_seconds = {call}
timeouts.idle_seconds = {call}
"""
_PRICE = f'prices."{{model}}" = {{{{ input_usd = {INPUT_NANOS / 1000}, output_usd = {OUTPUT_NANOS / 1000} }}}}\n'


@dataclass(frozen=True)
class Race:
    """What is done; the seed decides on requests, victims and times. `more` are further settings of the budgets."""

    broker: BrokerKind
    seed: int
    workers: int = 1
    requests: int = 1000
    kills: int = 2
    more: str = ""
    disturbances: Sequence[Disturbance] = field(default_factory=tuple)

    @property
    def cap_nanos(self) -> int:
        """A budget for a tenth of the requests."""
        return MEAN_NANOS * self.requests // 10


@dataclass(frozen=True)
class Outcome:
    """What came of it, in nano-dollars; `reserved` is what is still held when all is quiet."""

    spent: int
    cap: int
    reserved: int
    completed: int
    refused: int
    counts: dict[str, int]

    @property
    def overspent(self) -> int:
        """What the provider's bill passes the cap by."""
        return max(self.spent - self.cap, 0)

    @property
    def is_good(self) -> bool:
        """Whether nothing is overspent, held, lost or doubled."""
        return not (self.overspent or self.reserved or self.counts)

    def __str__(self) -> str:
        used = 100 * self.spent / self.cap
        faults = " ".join(f"{name}={number}" for name, number in self.counts.items()) or "nothing lost or doubled"
        return (
            f"completed={self.completed} refused={self.refused} used={used:.1f} % of the cap\n"
            f"overspent={self.overspent} held={self.reserved} {faults}"
        )


async def race(plan: Race, folder: Path, say: Callable[[str], None]) -> Outcome:
    """Runs it in this folder; `say` takes a line for each thing that is done."""
    random = Random(plan.seed)
    with ExitStack() as stack:
        cluster = stack.enter_context(running_cluster(plan.broker, folder))
        mock = stack.enter_context(mock_provider(folder, "--seed", str(plan.seed)))
        file = folder / "streamproc.toml"
        text = _SETTINGS.format(
            bootstrap=cluster.bootstrap,
            copies=cluster.copies,
            url=mock.url,
            models=list(MODELS),
            call=_CALL_SECONDS,
            cap_usd=f"{plan.cap_nanos / 1e9:.9f}",
            more=plan.more,
        )
        file.write_text(text + "".join(_PRICE.format(model=model) for model in MODELS), encoding="utf-8")
        settings = load_settings(file)
        await create_topics(settings)
        await _send(settings, plan, random)
        crew = stack.enter_context(Crew(file, folder))
        for _ in range(plan.workers):
            crew.start()
        say(f"{plan.requests} requests are there, {plan.workers} workers start")
        async with Reader(settings) as reader:
            await asyncio.gather(_hurt(plan, crew, mock, random, say), _disturb(plan, mock, random, say))
            return await _settled(plan, reader, crew, mock, say)


async def _send(settings: Settings, plan: Race, random: Random) -> None:
    sender = Sender(client_options(settings.kafka))
    await sender.start()
    try:
        waiting = []
        for number in range(plan.requests):
            request: dict[str, Any] = {
                "request_id": f"race-{number}",
                "tenant": "race",
                "model": random.choice(list(MODELS)),
                "max_output_tokens": MAX_OUTPUT_TOKENS,
                "messages": [{"role": "user", "content": f"question number {number}"}],
                "stream": random.random() < 0.5,
            }
            key, now = request["request_id"].encode(), int(time.time() * 1000)
            waiting.append(await sender.send("race.requests", key, encode_json(request), (), now))
        await asyncio.gather(*waiting)
    finally:
        await sender.stop()


async def _hurt(plan: Race, crew: Crew, mock: Mock, random: Random, say: Callable[[str], None]) -> None:
    """Kills a worker while calls run, and starts another one in its place."""
    for _ in range(plan.kills):
        await _until(lambda: mock.stats()["running"] > 0)
        await asyncio.sleep(random.uniform(0, 0.3))
        victim = crew.pick(random.random(), at_work=False)
        if victim is None:
            return
        victim.kill()
        crew.start()
        say(f"{victim} is killed, another one starts")


async def _disturb(plan: Race, mock: Mock, random: Random, say: Callable[[str], None]) -> None:
    for disturbance in plan.disturbances:
        await _until(lambda: mock.stats()["running"] > 0)
        await asyncio.sleep(random.uniform(0, 0.3))
        say(await disturbance())


async def _until(is_so: Callable[[], bool]) -> None:
    """Returns when it is so, or when it will not come about any more."""
    give_up = time.monotonic() + 30
    while not await asyncio.to_thread(is_so) and time.monotonic() < give_up:  # noqa: ASYNC110 other processes tell nobody
        await asyncio.sleep(0.05)


async def _settled(plan: Race, reader: Reader, crew: Crew, mock: Mock, say: Callable[[str], None]) -> Outcome:
    started = told = time.monotonic()
    quiet_since: float | None = None
    while quiet_since is None or time.monotonic() - quiet_since < _QUIET_SECONDS:
        await asyncio.sleep(0.3)
        await reader.rest()
        await reader.look_at_offsets()
        figures = await asyncio.to_thread(mock.stats, calls=True)
        calls = [ServedCall(call.get("client_request_id"), call["outcome"]) for call in figures["calls"]]
        counts = _faults(reader, calls)
        reserved = await asyncio.to_thread(_reserved, crew)
        done = len(reader.answered) >= plan.requests and not counts and reserved == 0 and not figures["running"]
        now = time.monotonic()
        quiet_since = None if not done else quiet_since or now
        if now - told > 10:
            told = now
            say(f"answered {len(reader.answered)}, held {reserved}, {counts}")
        if now - started > _PATIENCE_SECONDS:
            break
    statuses = [result.status for result in reader.results]
    spent = sum(INPUT_NANOS * call["input_tokens"] + OUTPUT_NANOS * call["output_tokens"] for call in figures["calls"])
    return Outcome(
        spent=spent,
        cap=plan.cap_nanos,
        reserved=-1 if reserved is None else reserved,
        completed=statuses.count("completed"),
        refused=statuses.count("rejected"),
        counts=counts | ({"unanswered": plan.requests - len(reader.answered)} if reader.unanswered else {}),
    )


def _faults(reader: Reader, calls: list[ServedCall]) -> dict[str, int]:
    """What the checker counts; that most requests are refused is what a race is for."""
    counts = count(reader.evidence(calls))._asdict()
    return {name: number for name, number in counts.items() if number and name != "not_completed"}


def _reserved(crew: Crew) -> int | None:
    """Nano-dollars that are held, as a worker's metrics say; None while no worker says it."""
    told = [member.worker.metric("llm_budget_reserved") for member in crew.running]
    known = [value for value in told if value is not None]
    return round(max(known) * 1e9) if known else None


def run_in_new_folder(plan: Race) -> Outcome:
    """Runs a race and prints what happens; the folder is kept when a count is not zero."""
    started = time.monotonic()

    def say(words: str) -> None:
        print(f"{time.monotonic() - started:7.1f}  {words}", flush=True)

    print(f"seed {plan.seed}: {plan}", flush=True)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    folder = Path(tempfile.mkdtemp(prefix="streamproc-race-"))
    outcome: Outcome | None = None
    try:
        outcome = asyncio.run(race(plan, folder, say))
    finally:
        if outcome is not None and outcome.is_good:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"logs are in {folder}", flush=True)
    print(outcome, flush=True)
    return outcome


def main() -> int:
    """Reads the options, runs, prints."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.budget", description="A race for a budget, counted.")
    parser.add_argument("--broker", choices=("kafka", "kafka3", "embedded"), default="embedded")
    parser.add_argument("--seed", type=int, default=None, help="a random one by default")
    parser.add_argument("--seeds", type=int, default=1, help="so many races, the seed of each one higher")
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=2, help="workers that are killed and replaced")
    options = parser.parse_args()
    first = secrets.randbelow(1_000_000) if options.seed is None else options.seed
    plans = [
        Race(options.broker, seed, requests=options.requests, kills=options.kills)
        for seed in range(first, first + options.seeds)
    ]
    bad = [plan.seed for plan in plans if not run_in_new_folder(plan).is_good]
    print(f"races={len(plans)} bad={len(bad)} seeds of bad ones: {bad or 'none'}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
