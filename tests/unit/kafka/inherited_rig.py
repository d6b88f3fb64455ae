"""Notes of former owners, read one after the other."""

from itertools import count

from streamproc.chain.run import History
from streamproc.kafka.inherited import Inherited
from streamproc.records.journal import CallEnded, CallStarted, Note, RunCompleted
from streamproc.records.result import Result
from streamproc.records.usage import UsageLine
from tests.lines import a_line

RUN = "llm.requests/0/5@1"
BOUND = a_line(basis="upper_bound", cost_nanos=90_000, reason="lost")
BILL = a_line()
ID = BILL.usage_id


def started(line: UsageLine = BOUND, owner: str = "dead") -> CallStarted:
    """The note before a call."""
    return CallStarted(owner=owner, run_id=line.run_id, line=line)


def ended(line: UsageLine | None = BILL, usage_id: str = ID, owner: str = "dead") -> CallEnded:
    """The note after a call."""
    return CallEnded(owner=owner, run_id=RUN, usage_id=usage_id, line=line, reason="completed")


def completed(*results: Result, owner: str = "dead") -> list[Note]:
    """The notes of an answer's parts."""
    return [RunCompleted(owner=owner, run_id=result.run_id, result=result) for result in results]


class Journal:
    """Notes of one partition, whose record at offset 5 is not finished unless it is said; they stand from 100 on."""

    def __init__(self, *notes: Note, position: int = 5, done: tuple[int, ...] = ()) -> None:
        self.inherited = Inherited(position, set(done))
        self._places = count(100)
        self.add(*notes)

    def add(self, *notes: Note, offset: int = 5) -> None:
        for note in notes:
            at = next(self._places)
            self.inherited.add(note, offset, at, at * 1000)

    @property
    def unbilled(self) -> dict[str, tuple[UsageLine | None, bool]]:
        """The bills that may be missing, and whether their calls have ended."""
        return {usage_id: (call.line, call.has_ended) for usage_id, call in self.inherited.unbilled.items()}

    @property
    def history(self) -> History:
        return self.inherited.history(5, RUN)

    def position(self, *finished: int, billed: tuple[str, ...] = ()) -> int | None:
        return self.inherited.position(finished, billed)
