"""The admin client, for one errand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient

from streamproc.kafka.connection import client_options, connected, setup_errors
from streamproc.settings.kafka import KafkaSettings

__all__ = ["admin_client"]


@asynccontextmanager
async def admin_client(settings: KafkaSettings, doing: str) -> AsyncIterator[Any]:
    """A connected admin client; Kafka's errors inside the block are told in one sentence, which names the errand.

    Raises:
        SetupError: Kafka cannot be reached, or refuses us.
    """
    with setup_errors(settings, doing):
        admin = AIOKafkaAdminClient(**client_options(settings))
        try:
            await connected(admin.start())
            yield admin
        finally:
            await admin.close()
