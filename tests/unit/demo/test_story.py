"""Which streams are told as stories."""

from streamproc.demo.story import attempts_of, pick_restarted, pick_streamed, streams
from streamproc.kafka.reader import Place, Record
from streamproc.records.chunk import Chunk, ChunkKind
from streamproc.records.codec import encode


def _records(run: str, attempt: int, count: int, last: ChunkKind = "end") -> list[Record]:
    kinds: list[ChunkKind] = ["start", *(["text"] * (count - 2)), last]  # type: ignore[list-item] # mypy widens the text
    chunks = [
        Chunk(run_id=run, request_id=run, tenant="t", attempt=attempt, seq=seq, kind=kind)
        for seq, kind in enumerate(kinds)
    ]
    return [Record(Place("chunks", 0), 0, 1000 + chunk.seq, None, encode(chunk), ()) for chunk in chunks]


def test_chunks_are_gathered_by_run_and_attempt() -> None:
    """With the times of their records; a record that is no chunk is passed over."""
    broken = Record(Place("chunks", 0), 0, 0, None, b"{}", ())
    found = streams([broken, *_records("a", 1, 3, "text"), *_records("b", 1, 2), *_records("a", 2, 4)])
    assert {run: len(stream) for run, stream in found.items()} == {"a": 7, "b": 2}
    assert {attempt: [one.at_ms for one in chunks] for attempt, chunks in attempts_of(found["a"]).items()} == {
        1: [1000, 1001, 1002],
        2: [1000, 1001, 1002, 1003],
    }


def test_the_answer_that_is_shown_is_whole_and_of_a_size_to_read() -> None:
    """The longest one that still fits; one that was cut or restarted is none."""
    sizes = {"tiny": 3, "fits": 9, "better": 10, "long": 13}
    records = [record for run, size in sizes.items() for record in _records(run, 1, size)]
    records += [*_records("cut", 1, 12, "text"), *_records("again", 1, 4, "text"), *_records("again", 2, 8)]
    picked = pick_streamed(streams(records))
    assert picked is not None
    assert picked[0].chunk.run_id == "better"


def test_without_a_fitting_answer_the_shortest_is_shown() -> None:
    """And without any, none."""
    picked = pick_streamed(streams([*_records("long", 1, 30), *_records("longer", 1, 40)]))
    assert picked is not None
    assert picked[0].chunk.run_id == "long"
    assert pick_streamed({}) is None


def test_the_restart_that_is_shown_came_to_its_end() -> None:
    """Not one that is still without its last attempt's end."""
    open_one = [*_records("open", 1, 3, "text"), *_records("open", 2, 3, "text")]
    assert pick_restarted(streams([*open_one, *_records("plain", 1, 9)])) is None
    picked = pick_restarted(streams([*open_one, *_records("again", 1, 4, "text"), *_records("again", 2, 8)]))
    assert picked is not None
    assert picked[0].chunk.run_id == "again"
