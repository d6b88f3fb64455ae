"""What stands on topics, read back by a reader of its own, as any other job might."""

from streamproc.errors import SetupError
from streamproc.kafka.connection import client_options, setup_errors
from streamproc.kafka.reader import Reader, Record
from streamproc.settings.settings import Settings

__all__ = ["stored_records"]

_SILENCE_SECONDS = 10.0


async def stored_records(settings: Settings, *topics: str) -> dict[str, list[Record]]:
    """All records that these topics hold now, by topic, each partition's in order.

    Raises:
        SetupError: the broker does not give them.
    """
    reader = Reader(client_options(settings.kafka))
    found: dict[str, list[Record]] = {topic: [] for topic in topics}
    with setup_errors(settings.kafka, "reading topics back"):
        await reader.start()
        try:
            places = [place for topic in topics for place in await reader.partitions(topic)]
            starts, ends = await reader.begins(places), await reader.ends(places)
            async for record in reader.read_between(starts, ends, _SILENCE_SECONDS):
                found[record.place.topic].append(record)
        except TimeoutError as exc:
            raise SetupError(f"the broker did not give back all records of {', '.join(topics)}") from exc
        finally:
            await reader.stop()
    return found
