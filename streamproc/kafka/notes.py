"""Notes: what the journal says of the runs of one partition, from an offset on."""

from aiokafka import TopicPartition
from pydantic import ValidationError

from streamproc.kafka.inherited import Inherited, record_of
from streamproc.kafka.journal import OWNER_HEADER
from streamproc.kafka.tail import Tail
from streamproc.observe.events import JournalTrouble, Observer
from streamproc.records.notes import decode_note

__all__ = ["read_notes"]


async def read_notes(
    tail: Tail, topic: str, key: TopicPartition, owner: str, start: int, into: Inherited, observer: Observer
) -> int:
    """Adds the notes of other owners about a partition of a request topic, and gives the offset after the last one.

    `topic` is the journal; what is no note in it is told and passed by.

    Raises:
        KafkaError: the leader is away, or it refuses us.
    """
    own = (OWNER_HEADER, owner.encode())
    position = start
    async for found in tail.read(TopicPartition(topic, key.partition), start):
        position = found.next
        for record in found.records:
            offset = record_of(record.key, key)
            if offset is None or own in record.headers:
                continue
            try:
                into.add(decode_note(record.value), offset, record.offset, record.timestamp)
            except ValidationError:
                where = f"{record.topic}/{record.partition}/{record.offset}"
                observer.saw(JournalTrouble(record.topic, f"{where} is no note of the journal"))
    return position
