"""The journal: notes of one partition's runs on their way to Kafka.

A note that was refused is sent again until it is stored: it may then stand there twice, which says nothing new.
"""

from collections.abc import Callable, Collection, Iterable, Sequence

from aiokafka import TopicPartition

from streamproc.chain.clock import Clock
from streamproc.kafka.inherited import note_key
from streamproc.kafka.lane import Lane
from streamproc.records.codec import encode_usage
from streamproc.records.headers import SOURCE
from streamproc.records.identity import RunId
from streamproc.records.notes import encode_completed, encode_ended, encode_started
from streamproc.records.outgoing import Headers, Outgoing
from streamproc.records.usage import UsageLine

__all__ = ["OWNER_HEADER", "PartitionJournal", "RunJournal"]

OWNER_HEADER = "owner"
"""Header that names the assignment that wrote a note, so that an owner passes its own by without reading them."""

_LEASE_LOOK_SECONDS = 0.05


class PartitionJournal:
    """Writes the notes of one assignment, and knows which of them a later owner would need.

    `may_call` says whether the partition is ours for sure at this moment. With `waits` a call begins only when its
    first note is stored; without, a crash may leave calls that nobody knows of.
    """

    def __init__(
        self, key: TopicPartition, owner: str, lane: Lane, may_call: Callable[[], bool], clock: Clock, *, waits: bool
    ) -> None:
        self.owner = owner
        self._key = key
        self._lane = lane
        self._may_call = may_call
        self._clock = clock
        self._waits = waits
        self._headers: Headers = (
            (OWNER_HEADER, owner.encode()),
            ("ce_specversion", b"1.0"),
            ("ce_type", b"streamproc.journal.v1"),
            ("ce_source", SOURCE),
            ("content-type", b"application/json"),
        )
        self._floors: dict[int, int] = {}
        self._answers: dict[int, int] = {}
        self._last_answer = 0

    def begin_at(self, end: int) -> None:
        """Tells where the journal ended when the partition was claimed."""
        self._lane.end = max(self._lane.end, end)

    def of(self, run_id: RunId, offset: int) -> "RunJournal":
        """The journal of one run, whose record stands at this offset of the partition."""
        return RunJournal(self, str(run_id), offset, note_key(self._key, offset))

    def position(self, finished: Collection[int]) -> int:
        """Where a later owner has to begin to read, once these records are finished, too."""
        # They were put in as the journal grew: the first one that is left is the lowest.
        return next((floor for offset, floor in self._floors.items() if offset not in finished), self._lane.end)

    def finish(self, offsets: Iterable[int]) -> None:
        """The runs of these records are over, and their bills are published."""
        for offset in offsets:
            self._floors.pop(offset, None)
            self._answers.pop(offset, None)

    def note(self, offset: int, key: bytes, value: bytes, ce_id: str, *, can_wait: bool = False) -> int:
        """Puts a note about a record's run in its lane and gives its number there; `can_wait` is the lane's."""
        # Where the journal ended when the run's first note was sent, no note of the run can stand before.
        self._floors.setdefault(offset, self._lane.end)
        return self._lane.append(key, value, self._headers, ce_id.encode(), can_wait=can_wait)

    def answered(self, offset: int, number: int) -> None:
        """The answer to a record is told in notes up to this number."""
        self._answers[offset] = self._last_answer = number

    def is_stored(self, offset: int) -> bool:
        """Whether the answer to a record, where there is one, is stored: it may not be published before."""
        return self._answers.get(offset, 0) <= self._lane.acknowledged

    async def answers_stored(self) -> None:
        """Waits until every answer so far is stored."""
        await self._lane.acknowledgement(self._last_answer)

    async def flush(self) -> None:
        """Waits until every note so far is stored."""
        await self._lane.acknowledgement(self._lane.appended)

    async def allow(self, number: int) -> None:
        """Waits until a call may begin: its note is stored, and the partition is ours for sure."""
        if self._waits:
            await self._lane.acknowledgement(number)
        while not self._may_call():
            await self._clock.sleep(_LEASE_LOOK_SECONDS)


class RunJournal:
    """The notes of one run."""

    __slots__ = ("_key", "_of", "_offset", "_run_id")

    def __init__(self, of: PartitionJournal, run_id: str, offset: int, key: bytes) -> None:
        """`key` is that of all its notes."""
        self._of = of
        self._run_id = run_id
        self._offset = offset
        self._key = key

    async def started(self, line: UsageLine) -> None:
        """Returns when the call may begin."""
        of = self._of
        value = encode_started(of.owner, self._run_id, encode_usage(line))
        await of.allow(of.note(self._offset, self._key, value, f"{line.usage_id}/started"))

    def ended(self, usage_id: str, line: UsageLine | None, reason: str) -> None:
        """Says what a call used. Mostly the answer's note follows in a moment, and both leave together."""
        bill = None if line is None else encode_usage(line)
        value = encode_ended(self._of.owner, self._run_id, usage_id, bill, reason)
        self._of.note(self._offset, self._key, value, f"{usage_id}/ended", can_wait=True)

    def completed(self, records: Sequence[Outgoing]) -> None:
        """Notes the run's result, which is among these records, part by part."""
        of = self._of
        number = 0
        for part, result in enumerate([record.value or b"" for record in records if record.topic == "results"]):
            value = encode_completed(of.owner, self._run_id, result)
            number = of.note(self._offset, self._key, value, f"{self._run_id}/completed/{part}")
        of.answered(self._offset, number)
