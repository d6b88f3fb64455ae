"""The transaction of one transactional id: who owns it, what belongs to it, how it ends.

The rules and their order are Apache Kafka's for clients whose transaction requests have version 0: an epoch belongs to
one InitProducerId, and many transactions follow each other under it.
"""

from collections.abc import Callable
from enum import Enum, auto
from typing import NamedTuple

from streamproc.embedded.codes import Code
from streamproc.embedded.timing import CallLater, Timer

__all__ = ["LAST_EPOCH", "Ended", "Group", "Part", "Partition", "Producer", "State", "Transaction"]

LAST_EPOCH = 32_767
"""The largest epoch of the protocol. It fences the owner before it and is given to nobody."""


class Producer(NamedTuple):
    """A producer by its id, and which of the owners of that id it is. -1 and -1 is nobody."""

    id: int
    epoch: int


class Partition(NamedTuple):
    """A partition that the transaction writes records to."""

    topic: str
    number: int


class Group(NamedTuple):
    """A consumer group whose offsets the transaction commits."""

    id: str


Part = Partition | Group
"""What a transaction is made of, and what gets a marker at its end."""


class Ended(NamedTuple):
    """A transaction whose markers are to be written, under the epoch of `producer`."""

    producer: Producer
    parts: tuple[Part, ...]
    commit: bool


class State(Enum):
    """Names are Kafka's own."""

    EMPTY = auto()
    ONGOING = auto()
    PREPARE_COMMIT = auto()
    PREPARE_ABORT = auto()
    COMPLETE_COMMIT = auto()
    COMPLETE_ABORT = auto()


class Transaction:
    """One transaction after the other, under one transactional id.

    Attributes:
        producer: the owner; every other epoch is fenced.
        state: where the present transaction is, or how the last one ended.
    """

    def __init__(
        self,
        producer_id: int,
        write_markers: Callable[[Ended], None],
        call_later: CallLater,
        marker_seconds: float,
    ) -> None:
        """Nobody owns it until `initialise`. `marker_seconds` lie between a decision and its markers."""
        self.producer = Producer(producer_id, -1)
        self.state = State.EMPTY
        self._write_markers = write_markers
        self._call_later = call_later
        self._marker_seconds = marker_seconds
        self._timeout_seconds = 0.0
        self._timeout: Timer | None = None
        self._parts: dict[Part, None] = {}  # a set that keeps its order

    def __repr__(self) -> str:
        id_, epoch = self.producer
        return f"<Transaction {self.state.name} of producer {id_}, epoch {epoch}, {len(self._parts)} parts>"

    def initialise(self, timeout_seconds: float, new_producer_id: Callable[[], int]) -> Code:
        """Makes a new owner, which `producer` names afterwards.

        CONCURRENT_TRANSACTIONS asks for another try: a transaction is ending. One that is still open is aborted by
        this very call, under an epoch that nobody gets, so that its owner is fenced at once.
        """
        if self._is_ending:
            return Code.CONCURRENT_TRANSACTIONS
        if self.state is State.ONGOING:
            self._fence()
            return Code.CONCURRENT_TRANSACTIONS
        id_, epoch = self.producer
        self.producer = Producer(new_producer_id(), 0) if epoch >= LAST_EPOCH - 1 else Producer(id_, epoch + 1)
        self.state = State.EMPTY
        self._timeout_seconds = timeout_seconds
        return Code.NONE

    def add(self, producer: Producer, *parts: Part) -> Code:
        """Takes the parts into the transaction; the first call begins it, and its timeout, even without any part."""
        if self._is_ending:
            # Before the question who asks, as Kafka has it: a fenced owner hears of it a moment later.
            return Code.CONCURRENT_TRANSACTIONS
        if (refusal := self._refusal(producer)) is not None:
            return refusal
        if self.state is not State.ONGOING:
            self.state = State.ONGOING
            self._timeout = self._call_later(self._timeout_seconds, self._fence)
        self._parts.update(dict.fromkeys(parts))
        return Code.NONE

    def check(self, producer: Producer, part: Part) -> Code:
        """NONE if the producer may write to the part now."""
        if (refusal := self._refusal(producer)) is not None:
            return refusal
        if self._is_ending:
            return Code.CONCURRENT_TRANSACTIONS
        return Code.NONE if part in self._parts else Code.INVALID_TXN_STATE

    def end(self, producer: Producer, *, commit: bool) -> Code:
        """Decides the transaction. The same decision again is fine when the markers are there."""
        if (refusal := self._refusal(producer)) is not None:
            return refusal
        if self._is_ending:
            return Code.CONCURRENT_TRANSACTIONS
        if self.state is State.ONGOING:
            self._prepare(commit=commit)
            return Code.NONE
        same = State.COMPLETE_COMMIT if commit else State.COMPLETE_ABORT
        return Code.NONE if self.state is same else Code.INVALID_TXN_STATE

    @property
    def _is_ending(self) -> bool:
        return self.state in {State.PREPARE_COMMIT, State.PREPARE_ABORT}

    def _refusal(self, producer: Producer) -> Code | None:
        if producer.id != self.producer.id:
            return Code.INVALID_PRODUCER_ID_MAPPING
        # Kafka's own word for it, PRODUCER_FENCED, is unknown to version 0 of these requests.
        return Code.INVALID_PRODUCER_EPOCH if producer.epoch != self.producer.epoch else None

    def _fence(self) -> None:
        """Aborts the open transaction, and leaves its owner with an old epoch."""
        id_, epoch = self.producer
        self.producer = Producer(id_, min(epoch + 1, LAST_EPOCH))
        self._prepare(commit=False)

    def _prepare(self, *, commit: bool) -> None:
        if self._timeout is not None:
            self._timeout.cancel()
            self._timeout = None
        self.state = State.PREPARE_COMMIT if commit else State.PREPARE_ABORT
        self._call_later(self._marker_seconds, self._complete)

    def _complete(self) -> None:
        commit = self.state is State.PREPARE_COMMIT
        ended = Ended(self.producer, tuple(self._parts), commit)
        self._parts.clear()
        self.state = State.COMPLETE_COMMIT if commit else State.COMPLETE_ABORT
        self._write_markers(ended)
