"""The arena of a chaos run: settings, topics, and the provider, which is never hurt."""

from pathlib import Path

from streamproc.kafka.topics import create_topics
from streamproc.settings.load import load_settings
from streamproc.settings.settings import Settings
from tests.chaos.clusters import Cluster
from tests.chaos.evidence import Rates
from tests.chaos.load import MODELS

__all__ = ["CALL_SECONDS", "HEARTBEAT_SECONDS", "PARTITIONS", "RATES", "SESSION_SECONDS", "TOPIC", "set_up"]

PARTITIONS = 8
SESSION_SECONDS = 4.0
HEARTBEAT_SECONDS = 1.0
CALL_SECONDS = 15.0
"""No call takes longer; a lost one is known as lost after this."""

TOPIC = "chaos.requests"

RATES = Rates(1000, 2000)

_SETTINGS = """
sources = [{{ topic = "{topic}" }}]

[kafka]
bootstrap_servers = "{bootstrap}"
group = "chaos"
start_without_offset = "earliest"
session_timeout_seconds = {session}
heartbeat_interval_seconds = {heartbeat}

[topics]
chunks = "chaos.chunks"
results = "chaos.results"
usage = "chaos.usage"
dead = "chaos.dead"
control = "chaos.control"
journal = "chaos.journal"
deferred = "chaos.deferred"
partitions = {partitions}
replication_factor = {copies}

[worker]
drain_seconds = 10
max_crashes = 20

[observe]
metrics_port = 0

[providers.mock]
base_url = "{url}"
models = {models}
timeouts.total_seconds = {call}
timeouts.first_byte_seconds = {call}
timeouts.idle_seconds = {call}
"""
_PRICE = f'prices."{{model}}" = {{{{ input_usd = {RATES.input / 1000}, output_usd = {RATES.output / 1000} }}}}\n'


async def set_up(cluster: Cluster, provider_url: str, folder: Path) -> tuple[Settings, Path]:
    """Writes the settings file that all workers share, and creates the topics."""
    file = folder / "streamproc.toml"
    text = _SETTINGS.format(
        topic=TOPIC,
        bootstrap=cluster.bootstrap,
        session=SESSION_SECONDS,
        heartbeat=HEARTBEAT_SECONDS,
        partitions=PARTITIONS,
        copies=cluster.copies,
        url=provider_url,
        models=list(MODELS),
        call=CALL_SECONDS,
    )
    file.write_text(text + "".join(_PRICE.format(model=model) for model in MODELS), encoding="utf-8")
    settings = load_settings(file)
    await create_topics(settings)
    return settings, file
