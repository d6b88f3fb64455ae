"""What stands on topics, read back by a reader of its own, as any other job might."""

import time

from streamproc.errors import SetupError
from streamproc.kafka.connection import client_options, setup_errors
from streamproc.kafka.reader import Reader, Record
from streamproc.settings import Settings

__all__ = ["stored_records"]

_SILENCE_SECONDS = 10.0
_LOOK_SECONDS = 0.1


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
            ends = {place: end for place, end in (await reader.ends(places)).items() if end > 0}
            reader.seek(dict.fromkeys(ends, 0))
            give_up = time.monotonic() + _SILENCE_SECONDS
            # The last place of a partition may hold the mark of a transaction, which is no record: positions tell.
            while any([await reader.position(place) < end for place, end in ends.items()]):
                records = await reader.read(_LOOK_SECONDS)
                if records:
                    give_up = time.monotonic() + _SILENCE_SECONDS
                elif time.monotonic() > give_up:
                    raise SetupError(f"the broker did not give back all records of {', '.join(topics)}")
                for record in records:
                    found[record.place.topic].append(record)
        finally:
            await reader.stop()
    return found
