"""The stage of a budget race: settings with one cap, prices by which nearly all is output, and requests all at once."""

import asyncio
import time
from pathlib import Path
from random import Random
from typing import Any

from streamproc.kafka.connection import client_options
from streamproc.kafka.sender import Sender
from streamproc.kafka.topics import create_topics
from streamproc.records.codec import encode_json
from streamproc.settings.load import load_settings
from streamproc.settings.settings import Settings
from tests.chaos.clusters import Cluster
from tests.chaos.evidence import Rates

__all__ = ["MEAN_NANOS", "RATES", "send", "set_up"]

RATES = Rates(10, 2000)
MODELS = {f"mock-t{tokens}-i2-f5": tokens for tokens in (10, 20, 30, 60)}
MAX_OUTPUT_TOKENS = 100
MEAN_NANOS = RATES.output * sum(MODELS.values()) // len(MODELS)
_CALL_SECONDS = 4.0

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
max_running = {slots}
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
_PRICE = f'prices."{{model}}" = {{{{ input_usd = {RATES.input / 1000}, output_usd = {RATES.output / 1000} }}}}\n'


async def set_up(cluster: Cluster, provider_url: str, file: Path, cap_nanos: int, slots: int, more: str) -> Settings:
    """Writes the settings file that all workers share, and creates the topics.

    A worker makes at most `slots` calls at once; `more` is for the group `budgets`.
    """
    text = _SETTINGS.format(
        bootstrap=cluster.bootstrap,
        copies=cluster.copies,
        url=provider_url,
        models=list(MODELS),
        call=_CALL_SECONDS,
        cap_usd=f"{cap_nanos / 1e9:.9f}",
        slots=slots,
        more=more,
    )
    file.write_text(text + "".join(_PRICE.format(model=model) for model in MODELS), encoding="utf-8")
    settings = load_settings(file)
    await create_topics(settings)
    return settings


async def send(settings: Settings, requests: int, random: Random) -> None:
    """Puts the requests on their topic, and returns when all are there."""
    sender = Sender(client_options(settings.kafka))
    await sender.start()
    try:
        waiting = []
        for number in range(requests):
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
