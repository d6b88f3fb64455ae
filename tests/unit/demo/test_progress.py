"""The progress, told by events and updates."""

from datetime import UTC, datetime

from streamproc.client import Finished, Piece, Reset
from streamproc.demo.progress import Progress
from streamproc.observe.events import CallEnded, Committed, DeadLettered, RetryPlanned
from streamproc.records.chunk import Chunk
from streamproc.records.result import Result, Status
from streamproc.records.usage import TokenCounts, UsageLine
from tests.fakes import FakeClock

_NOW = datetime(2026, 1, 31, tzinfo=UTC)


def _progress(clock: FakeClock, shown: int = 2, expected: int = 3) -> Progress:
    return Progress(expected, shown, clock.monotonic)


def _piece(run: str, text: str) -> Piece:
    return Piece(run, Chunk(run_id=run, request_id=run.upper(), tenant="t", attempt=1, seq=1, kind="text", text=text))


def _finished(run: str, status: Status = "completed", chunks: int = 3, tokens: int = 0) -> Finished:
    result = Result(run_id=run, status=status, chunk_count=chunks, output_tokens=tokens, finished_at=_NOW)
    return Finished(run, result)


def _shown(progress: Progress) -> list[str | None]:
    return [None if stream is None else stream.request_id for stream in progress.places]


def test_events_are_added_up() -> None:
    """Cost in whole nano-dollars; a restart is told from a silent retry."""
    progress = _progress(FakeClock())
    usage = UsageLine(
        usage_id="r/1/1",
        run_id="r",
        request_id="a",
        tenant="t",
        attempt=1,
        provider="mock",
        model="m",
        tokens=TokenCounts(input=1, output=1),
        cost_nanos=7,
        basis="provider",
        input_hash="",
        started_at=_NOW,
        ended_at=_NOW,
    )
    for line in (usage, usage.changed(cost_nanos=None), None, usage):
        progress.saw(CallEnded("r", 1, "mock", "m", "t", "", "completed", 0.1, 0.1, line))
    for restart in (True, False, False):
        progress.saw(RetryPlanned("r", "mock", "disconnected", 0.1, restart=restart))
    progress.saw(DeadLettered("r", "not_json", "no JSON"))
    assert progress.cost_nanos == 14
    assert (progress.restarts, progress.retries, progress.dead_letters) == (1, 2, 1)


def test_the_bill_may_be_read_when_every_request_is_stored() -> None:
    """Results can be visible before the usage lines of the same commit: the commits tell when both are there."""
    progress = _progress(FakeClock(), expected=3)
    progress.saw(Committed("requests", 0, 2, 0.01))
    assert not progress.is_stored.is_set()
    progress.saw(Committed("requests", 1, 1, 0.01))
    assert progress.is_stored.is_set()


def test_results_are_counted_by_status() -> None:
    """Also those of runs that never had a token."""
    progress = _progress(FakeClock())
    progress.read(_piece("a", " one"))
    for update in (_finished("a"), _finished("b", "rejected", 0), _finished("c", "rejected", 0)):
        progress.read(update)
    assert progress.statuses == {"completed": 1, "rejected": 2}
    assert len(progress.results) == 3


def test_the_rate_is_that_of_the_last_second() -> None:
    """Words of streams, and the tokens of an answer that came in one piece, fall out after a second."""
    clock = FakeClock()
    progress = _progress(clock)
    progress.start()
    progress.read(_piece("a", " two words"))
    clock.now += 0.75
    progress.read(_finished("b", chunks=0, tokens=40))
    assert progress.tokens_per_second == 42
    clock.now += 0.5
    assert progress.tokens_per_second == 40
    clock.now += 1
    assert progress.tokens_per_second == 0
    assert progress.seconds == 2.25


def test_a_stream_keeps_its_place_until_it_has_ended() -> None:
    """A newcomer takes the first place that is free or over; while there is none it is not shown."""
    progress = _progress(FakeClock(), shown=2)
    for run in ("a", "b", "c"):
        progress.read(_piece(run, " word"))
    assert _shown(progress) == ["A", "B"]
    progress.read(_finished("b"))
    assert _shown(progress) == ["A", "B"]
    progress.read(_piece("d", " word"))
    assert _shown(progress) == ["A", "D"]
    progress.read(_piece("a", " grows"))
    assert progress.places[0] is not None
    assert progress.places[0].text == " word grows"


def test_a_restart_is_shown() -> None:
    """The text so far is void; a stream without a place takes one of a stream that had no restart."""
    progress = _progress(FakeClock(), shown=2)
    for run in ("a", "b", "c"):
        progress.read(_piece(run, " word"))
    progress.read(Reset("c", 2))
    assert _shown(progress) == ["A", "C"]
    assert progress.places[1] is not None
    assert (progress.places[1].text, progress.places[1].lost) == ("", 1)
    progress.read(Reset("b", 2))
    assert _shown(progress) == ["B", "C"]
    progress.read(Reset("a", 2))
    assert _shown(progress) == ["B", "C"]


def test_a_restart_stays_in_sight() -> None:
    """It went out of sight within one picture of a slow machine: its place was given away as soon as it had ended."""
    progress = _progress(FakeClock(), shown=2)
    for run in ("a", "b"):
        progress.read(_piece(run, " word"))
    progress.read(Reset("a", 2))
    for run in ("a", "b"):
        progress.read(_finished(run))
    progress.read(_piece("c", " word"))
    assert _shown(progress) == ["A", "C"]
    progress.read(_piece("d", " word"))
    assert _shown(progress) == ["D", "C"]
