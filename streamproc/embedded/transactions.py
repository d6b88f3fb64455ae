"""The transaction coordinator: the transactions of all transactional ids, and everybody's producer ids.

Three differences from Apache Kafka, all on the strict side or in time only:

* A transaction is aborted the moment its timeout has passed; Kafka looks every ten seconds
  (`transaction.abort.timed.out.transaction.cleanup.interval.ms`).
* Every transactional batch and offset commit is checked. Kafka checks the first one of a transaction in each partition,
  and takes the offsets of a group that was not added if its neighbour in `__consumer_offsets` was.
* A transactional id is known until the broker ends; Kafka forgets one after seven idle days.
"""

from streamproc.embedded.codes import Code
from streamproc.embedded.groups import Groups
from streamproc.embedded.timing import CallLater
from streamproc.embedded.topics import Topics
from streamproc.embedded.transaction import Ended, Part, Partition, Producer, Transaction

__all__ = ["Transactions"]

_NOBODY = Producer(-1, -1)


class Transactions:
    """Transactions by transactional id. All its codes are those for the answer to the client."""

    def __init__(
        self,
        topics: Topics,
        groups: Groups,
        call_later: CallLater,
        marker_seconds: float,
        *,
        max_timeout_seconds: float = 900.0,
    ) -> None:
        """Nothing is known yet.

        Args:
            topics: where the markers of records go.
            groups: where the offsets of transactions wait and are resolved.
            call_later: plans markers and timeouts.
            marker_seconds: time between the answer to EndTxn and its markers; until then clients are told
                CONCURRENT_TRANSACTIONS, as on Kafka.
            max_timeout_seconds: the longest transaction a producer may ask for (`transaction.max.timeout.ms`).
        """
        self._topics = topics
        self._groups = groups
        self._call_later = call_later
        self._marker_seconds = marker_seconds
        self._max_timeout_seconds = max_timeout_seconds
        self._transactions: dict[str, Transaction] = {}
        self._last_producer_id = 999

    def __repr__(self) -> str:
        return f"<Transactions {self._transactions}>"

    def new_producer_id(self) -> int:
        """A producer id that nobody had before."""
        self._last_producer_id += 1
        return self._last_producer_id

    def initialise(self, transactional_id: str | None, timeout_ms: int) -> tuple[Code, Producer]:
        """A producer for who asks; without a transactional id always a new one. (-1, -1) goes with an error."""
        if transactional_id is None:
            return Code.NONE, Producer(self.new_producer_id(), 0)
        if not transactional_id:
            return Code.INVALID_REQUEST, _NOBODY
        timeout_seconds = timeout_ms / 1_000
        if not 0 < timeout_seconds <= self._max_timeout_seconds:
            return Code.INVALID_TRANSACTION_TIMEOUT, _NOBODY
        if transactional_id not in self._transactions:
            self._transactions[transactional_id] = Transaction(
                self.new_producer_id(), self._write_markers, self._call_later, self._marker_seconds
            )
        transaction = self._transactions[transactional_id]
        code = transaction.initialise(timeout_seconds, self.new_producer_id)
        return code, transaction.producer if code is Code.NONE else _NOBODY

    def add(self, transactional_id: str, producer: Producer, *parts: Part) -> Code:
        """Takes partitions, or a group whose offsets are to be committed, into the transaction."""
        found = self._find(transactional_id)
        return found.add(producer, *parts) if isinstance(found, Transaction) else found

    def check(self, transactional_id: str, producer: Producer, part: Part) -> Code:
        """NONE if the producer may write to the part now."""
        found = self._find(transactional_id)
        return found.check(producer, part) if isinstance(found, Transaction) else found

    def check_produce(self, transactional_id: str, producer_id: int, epoch: int, topic: str, partition: int) -> Code:
        """NONE if a transactional batch may be appended to the partition now.

        One code differs from Kafka's, which no client meets that adds its partitions first: CONCURRENT_TRANSACTIONS is
        NOT_ENOUGH_REPLICAS there.
        """
        return self.check(transactional_id, Producer(producer_id, epoch), Partition(topic, partition))

    def end(self, transactional_id: str, producer: Producer, *, commit: bool) -> Code:
        """Decides the transaction; its markers follow."""
        found = self._find(transactional_id)
        return found.end(producer, commit=commit) if isinstance(found, Transaction) else found

    def _find(self, transactional_id: str) -> Transaction | Code:
        if not transactional_id:
            return Code.INVALID_REQUEST
        return self._transactions.get(transactional_id, Code.INVALID_PRODUCER_ID_MAPPING)

    def _write_markers(self, ended: Ended) -> None:
        producer, parts, commit = ended
        for part in parts:
            if not isinstance(part, Partition):
                self._groups.offsets(part.id).resolve(producer.id, commit=commit)
            elif (log := self._topics.log(*part)) is not None:  # else the topic was deleted meanwhile
                log.end_transaction(producer.id, producer.epoch, commit=commit)
