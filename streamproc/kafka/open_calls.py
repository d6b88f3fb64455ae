"""Open calls: those of all workers that the journal tells of, and whose usage lines may be missing.

For each partition the journal is read from where the group's committed metadata says: notes before that are of calls
whose lines are published. Read the metadata first, then the journal, then the usage topic: then no call is in none.
"""

import sys

from aiokafka import TopicPartition

from streamproc.kafka.inherited import Inherited
from streamproc.kafka.notes import read_notes
from streamproc.kafka.positions import PositionReader
from streamproc.kafka.tail import Tail
from streamproc.money.scope import Spend, spend_of
from streamproc.observe.events import Observer
from streamproc.settings.settings import Settings

__all__ = ["read_open_calls"]


async def read_open_calls(settings: Settings, tail: Tail, observer: Observer) -> list[Spend]:
    """The most that each call which is not billed can take, or its bill where it has ended.

    Raises:
        SetupError: Kafka cannot be reached, or refuses us.
        KafkaError: a broker is away.
    """
    async with PositionReader.connect(settings) as reader:
        positions = await reader.positions([*(source.topic for source in settings.sources), settings.topics.deferred])
    found: dict[str, Spend] = {}
    for position in positions:
        metadata = position.stored.metadata
        if position.committed is None or (metadata is not None and metadata.journal is None):
            continue  # nobody ever claimed it, so nobody made calls for its records
        start = 0 if metadata is None else metadata.journal or 0
        inherited = Inherited(sys.maxsize, ())  # nobody asks for the histories of the runs
        await read_notes(tail, settings.topics.journal, TopicPartition(*position.place), "", start, inherited, observer)
        calls = inherited.unbilled.items()
        found |= {usage_id: spend_of(call.line) for usage_id, call in calls if call.line is not None}
    return list(found.values())
