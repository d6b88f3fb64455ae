"""Idempotence in one partition: which batches of which producer are there already.

The rules are those of Apache Kafka's broker (`ProducerAppendInfo`, `ProducerStateEntry`).
"""

from collections import deque
from typing import NamedTuple

from streamproc.embedded.batch import Header
from streamproc.embedded.codes import Code

__all__ = ["Sequences", "Written"]

_REMEMBERED_BATCHES = 5
_MODULUS = 2**31
_NO_SEQUENCE = -1


class Written(NamedTuple):
    """A batch that is in the log."""

    first_sequence: int
    last_sequence: int
    base_offset: int
    max_timestamp: int


class _Producer:
    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self.batches: deque[Written] = deque(maxlen=_REMEMBERED_BATCHES)

    @property
    def last_sequence(self) -> int:
        return self.batches[-1].last_sequence if self.batches else _NO_SEQUENCE


class Sequences:
    """The last batches of each producer id. Those who wrote longest ago are forgotten above `max_producers`."""

    def __init__(self, max_producers: int = 10_000) -> None:
        self._max_producers = max_producers
        self._producers: dict[int, _Producer] = {}

    def check(self, header: Header) -> Code | Written:
        """NONE if the batch comes next; the batch that is there already if this one repeats it; else the refusal."""
        producer = self._producers.get(header.producer_id)
        if producer is None:
            return Code.NONE  # as Kafka does when retention has removed all it knew of a producer
        if header.producer_epoch < producer.epoch:
            return Code.INVALID_PRODUCER_EPOCH
        if header.producer_epoch > producer.epoch:
            return Code.NONE if header.base_sequence == 0 else Code.OUT_OF_ORDER_SEQUENCE_NUMBER
        last = _last_sequence(header)
        for written in producer.batches:
            if (written.first_sequence, written.last_sequence) == (header.base_sequence, last):
                return written
        is_next = header.base_sequence == (producer.last_sequence + 1) % _MODULUS
        return Code.NONE if is_next else Code.OUT_OF_ORDER_SEQUENCE_NUMBER

    def add(self, header: Header, base_offset: int, max_timestamp: int) -> None:
        """Remembers a batch that passed `check` and was appended."""
        producer = self._at_epoch(header.producer_id, header.producer_epoch)
        producer.batches.append(Written(header.base_sequence, _last_sequence(header), base_offset, max_timestamp))

    def raise_epoch(self, producer_id: int, epoch: int) -> None:
        """Refuses older epochs from here on: a marker with this epoch was written."""
        self._at_epoch(producer_id, epoch)

    def _at_epoch(self, producer_id: int, epoch: int) -> _Producer:
        """The producer, moved to the end of those who wrote; a new epoch begins with nothing."""
        producer = self._producers.pop(producer_id, None)
        if producer is None or producer.epoch < epoch:
            producer = _Producer(epoch)
        self._producers[producer_id] = producer
        if len(self._producers) > self._max_producers:
            del self._producers[next(iter(self._producers))]
        return producer


def _last_sequence(header: Header) -> int:
    """Sequence of the last record; behind 2^31 - 1 comes 0."""
    return (header.base_sequence + header.last_offset_delta) % _MODULUS
