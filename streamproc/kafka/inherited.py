"""What former owners of a partition left in its journal: lost calls, calls without a bill, answers never published.

Pure: notes are added as they are read. A note of an owner that is shut out may come late, so more can be added later.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace

from aiokafka import TopicPartition

from streamproc.chain.run import History
from streamproc.records.journal import CallStarted, Note, RunCompleted
from streamproc.records.result import Result
from streamproc.records.usage import UsageLine
from streamproc.records.view import join_parts

__all__ = ["Inherited", "InheritedCall", "note_key", "record_of"]

_OFFSET_DIGITS = 19  # of 64 bits


def note_key(key: TopicPartition, offset: int) -> bytes:
    """Key of the notes about a record's run. Several request topics share the journal, so the topic stands in it."""
    return f"{key.topic}/{key.partition}/{offset}".encode()


def record_of(note_key: bytes | None, key: TopicPartition) -> int | None:
    """Offset of the record that a note is about; None when it is not one of this partition."""
    head, _, offset = (note_key or b"").decode("ascii", "replace").rpartition("/")
    is_one = head == f"{key.topic}/{key.partition}" and offset.isdecimal() and len(offset) <= _OFFSET_DIGITS
    return int(offset) if is_one else None


@dataclass(frozen=True, slots=True)
class InheritedCall:
    """A call of a former owner.

    Attributes:
        note: offset of its first note in the journal.
        timestamp_ms: time of that note.
        offset: of the run's record.
        owner: who made the call.
        line: its bill, and as long as it has not ended the most it can have used; None is nothing.
        has_ended: nothing more will come of it.
        bound_nanos: the most it can have cost, also when it has ended; 0 is not known.
    """

    note: int
    timestamp_ms: int
    offset: int
    owner: str
    line: UsageLine | None
    has_ended: bool = False
    bound_nanos: int = 0

    @property
    def spent_nanos(self) -> int:
        """What it counts against the budget of its request: the provider's own figure, or else the most it can be."""
        if self.line is None:
            return 0
        cost = self.line.cost_nanos or 0
        return cost if self.has_ended and self.line.basis == "provider" else max(cost, self.bound_nanos)


@dataclass(slots=True)
class _Run:
    first_note: int
    calls: dict[str, InheritedCall] = field(default_factory=dict)
    answers: dict[int, dict[int, RunCompleted]] = field(default_factory=dict)  # by attempt, then by part
    given: dict[int, RunCompleted] | None = None


class Inherited:
    """The calls of former owners, and the histories of runs that are not finished.

    `unbilled` are calls whose usage line may be missing, by usage id.
    """

    def __init__(self, position: int, done: Collection[int]) -> None:
        """`position` and `done` say which records are finished: nobody asks for the histories of their runs."""
        self._position = position
        self._done = done
        self._runs: dict[int, dict[str, _Run]] = {}
        self._resolved: set[str] = set()
        self.unbilled: dict[str, InheritedCall] = {}

    def __repr__(self) -> str:
        return f"Inherited(unbilled={len(self.unbilled)}, runs={len(self._runs)})"

    def add(self, note: Note, offset: int, at: int, timestamp_ms: int) -> None:
        """Takes a note about the run of the record at `offset`; the note itself stands in the journal at `at`."""
        run = _Run(at)
        if offset >= self._position and offset not in self._done:
            # Two run ids for one offset: the topic was deleted and made anew.
            run = self._runs.setdefault(offset, {}).setdefault(note.run_id, run)
        if isinstance(note, RunCompleted):
            run.answers.setdefault(note.result.attempt or 0, {})[note.result.part] = note
            return
        usage_id = note.line.usage_id if isinstance(note, CallStarted) else note.usage_id
        former = run.calls.get(usage_id) or self.unbilled.get(usage_id)
        call = former or InheritedCall(at, timestamp_ms, offset, note.owner, note.line)
        if isinstance(note, CallStarted):
            call = replace(call, bound_nanos=note.line.cost_nanos or 0)
        else:
            call = replace(call, line=note.line, has_ended=True)
            if note.line is None:
                # A copy of its first note may still come, and then nothing else would tell that there is no bill.
                self._resolved.add(usage_id)
        run.calls[usage_id] = call
        self.unbilled.pop(usage_id, None)
        if call.line is not None and usage_id not in self._resolved and call.line.basis != "cache":
            self.unbilled[usage_id] = call

    def history(self, offset: int, run_id: str, on_their_way: Collection[str] = ()) -> History:
        """What is known of a run whose record has just been read; bills `on_their_way` are about to be published.

        An answer that it gives stays the run's, whatever notes come late: its bills go out with it.
        """
        run = self._runs.get(offset, {}).get(run_id)
        if run is None:
            return History()
        run.given = _whole(run)
        calls = run.calls.values()
        attempts = [call.line.attempt for call in calls if call.line is not None]
        return History(
            last_attempt=max([*attempts, *run.answers], default=None),
            crashes=len({call.owner for call in calls if not call.has_ended}),
            spent_nanos=sum(call.spent_nanos for call in calls),
            answer=_answer(run),
            bills=tuple(self._bills(run, on_their_way)),
        )

    def _bills(self, run: _Run, on_their_way: Collection[str]) -> Iterator[UsageLine]:
        answer = _whole(run)
        for usage_id, call in run.calls.items():
            if call.line is None or not call.has_ended:
                continue
            if call.line.basis == "cache":
                # No call's bill, but a part of the answer: of one that its owner gave, and of no other.
                if answer is not None and answer[0].owner == call.owner:
                    yield call.line
            elif usage_id in self.unbilled and usage_id not in on_their_way:
                yield call.line

    @property
    def answered(self) -> dict[str, InheritedCall]:
        """Calls whose bills will be published together with an answer that is there, and not on their own."""
        whole = [run for runs in self._runs.values() for run in runs.values() if _whole(run) is not None]
        return {
            usage_id: self.unbilled[usage_id]
            for run in whole
            for usage_id, call in run.calls.items()
            if call.has_ended and usage_id in self.unbilled
        }

    def resolve(self, usage_ids: Iterable[str]) -> None:
        """The usage lines of these calls are published."""
        for usage_id in usage_ids:
            self._resolved.add(usage_id)
            self.unbilled.pop(usage_id, None)

    def finish(self, offsets: Iterable[int], position: int) -> None:
        """Nobody will ask for the histories of these records' runs any more, nor of those before `position`.

        Runs before it may be left: of records that Kafka has deleted, and of notes that came late.
        """
        self._position = position
        gone = {*offsets, *(offset for offset in self._runs if offset < position)}
        for offset in gone:
            self._runs.pop(offset, None)

    def position(self, finished: Collection[int], billed: Collection[str]) -> int | None:
        """Lowest note that a later owner may need, once these are finished and billed, too; None when there is none."""
        runs = [run for offset, runs in self._runs.items() if offset not in finished for run in runs.values()]
        notes = [call.note for usage_id, call in self.unbilled.items() if usage_id not in billed]
        return min([*notes, *(run.first_note for run in runs)], default=None)


def _whole(run: _Run) -> dict[int, RunCompleted] | None:
    """Notes of the highest attempt of which every part is there.

    None when a later attempt began: an owner that was shut out gave its answer late, and readers have gone on to the
    attempt of the next one, which they would be left with.
    """
    if run.given is not None:
        return run.given
    begun = max((call.line.attempt for call in run.calls.values() if call.line is not None), default=0)
    for attempt, notes in sorted(run.answers.items(), reverse=True):
        first = notes.get(0)
        if first is not None and len(notes) == first.result.parts:
            return notes if attempt >= begun else None
    return None


def _answer(run: _Run) -> Result | None:
    notes = _whole(run)
    return None if notes is None else join_parts([notes[part].result for part in sorted(notes)])
