"""Reads usage lines from their topic, up to the end that it has when the reading begins."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from streamproc.errors import SetupError
from streamproc.kafka.connection import client_options, setup_errors
from streamproc.kafka.reader import Reader, Record
from streamproc.records.usage import UsageLine
from streamproc.records.usage_record import UnreadableRecord, read_usage
from streamproc.settings.settings import Settings

__all__ = ["UsageLines"]

_SILENCE_SECONDS = 20.0


class UsageLines(Reader):
    """A reader of committed lines; it has no group and keeps no offsets. Made by `connect`."""

    @classmethod
    @asynccontextmanager
    async def connect(cls, settings: Settings) -> "AsyncIterator[UsageLines]":
        """A connected reader; Kafka's errors inside the block are told in one sentence.

        Raises:
            SetupError: Kafka cannot be reached, or refuses us.
        """
        reader = cls(client_options(settings.kafka))
        with setup_errors(settings.kafka, "reading usage lines"):
            await reader.start()
            try:
                yield reader
            finally:
                await reader.stop()

    async def lines(self, topic: str, since_ms: int | None = None) -> AsyncIterator[UsageLine]:
        """The lines that are kept, none published before `since_ms`; each partition's in their order.

        Raises:
            SetupError: the topic does not exist, or a record of it is no usage line; the sentence names the place.
            TimeoutError: Kafka sent nothing for 20 seconds, though there is more.
        """
        places = await self.existing(topic)
        ends = await self.ends(places)
        starts = await self.begins(places) if since_ms is None else await self.offsets_at(places, since_ms)
        async for record in self.read_between(starts, ends, _SILENCE_SECONDS):
            yield _line(record)


def _line(record: Record) -> UsageLine:
    place = f"{record.place.topic} partition {record.place.partition} offset {record.offset}"
    try:
        return read_usage(record.headers, record.value)
    except UnreadableRecord as error:
        raise SetupError(f"{place} cannot be read: {error}") from error
