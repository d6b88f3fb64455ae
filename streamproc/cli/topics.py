"""`streamproc topics`: create and check."""

import asyncio

from rich.console import Console

from streamproc.cli.options import ConfigFile, settings_of
from streamproc.kafka.topics import check_topics, create_topics

__all__ = ["check", "create"]


def create(*, config: ConfigFile = None) -> int:
    """Create the topics that are missing, with the partitions and the replication of the settings."""
    settings = settings_of(config)
    created = asyncio.run(create_topics(settings))
    existing = asyncio.run(check_topics(settings))
    console = Console()
    for name, partitions in existing.items():
        console.print(
            f"{'created' if name in created else 'exists '}  {name}  ({partitions} partitions)",
            highlight=False,
            soft_wrap=True,
        )
    return 0


def check(*, config: ConfigFile = None) -> int:
    """Say what is missing or misaligned. Exit code 2 when something is."""
    console = Console()
    for name, partitions in asyncio.run(check_topics(settings_of(config))).items():
        console.print(f"ok  {name}  ({partitions} partitions)", highlight=False, soft_wrap=True)
    return 0
