"""The operator: puts a word on the admin topic, where every worker hears it."""

from streamproc.errors import SetupError
from streamproc.kafka.connection import client_options, setup_errors
from streamproc.kafka.sender import Sender
from streamproc.kafka.topics import existing_partitions
from streamproc.records.admin import Word
from streamproc.records.codec import encode, rfc3339
from streamproc.records.headers import event_headers
from streamproc.settings.settings import Settings

__all__ = ["speak"]


async def speak(settings: Settings, key: bytes, word: Word | None, now: float) -> None:
    """Returns when Kafka has it; None takes back what was said under the key.

    Raises:
        SetupError: Kafka cannot be reached or refuses us, or there is no admin topic.
        PublishFailed: Kafka did not take it.
    """
    topic = settings.topics.admin
    if topic not in await existing_partitions(settings):
        raise SetupError(f"topic {topic} does not exist: create it with `streamproc topics create`")
    with setup_errors(settings.kafka, f"writing to {topic}"):
        sender = Sender(client_options(settings.kafka))
        await sender.start()
        try:
            headers = event_headers("admin", f"{key.decode()}@{int(now * 1000)}", rfc3339(now), None)
            value = None if word is None else encode(word)
            await (await sender.send(topic, key, value, headers, int(now * 1000), partition=0, what="the word"))
        finally:
            await sender.stop()
