"""Two stories out of the chunk topic: an answer as it came, and one that was cut and came again. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from pydantic import ValidationError

from streamproc.kafka.reader import Record
from streamproc.records.chunk import Chunk
from streamproc.records.codec import decode_chunk

__all__ = ["StoredChunk", "attempts_of", "pick_restarted", "pick_streamed", "streams"]

_FEW, _MANY = 6, 12


class StoredChunk(NamedTuple):
    """A chunk and when it was written, in milliseconds of unix time."""

    chunk: Chunk
    at_ms: int


Streams = Mapping[str, Sequence[StoredChunk]]
"""Chunks by run id, each run's in the order of the topic."""


def streams(records: Iterable[Record]) -> Streams:
    """The chunks among these records; what is none is passed over, as readers do."""
    found: defaultdict[str, list[StoredChunk]] = defaultdict(list)
    for record in records:
        try:
            chunk = decode_chunk(record.value or b"")
        except ValidationError:
            continue
        found[chunk.run_id].append(StoredChunk(chunk, record.timestamp_ms))
    return found


def attempts_of(stream: Sequence[StoredChunk]) -> Mapping[int, Sequence[StoredChunk]]:
    """The chunks by attempt, the lowest first."""
    found: defaultdict[int, list[StoredChunk]] = defaultdict(list)
    for stored in stream:
        found[stored.chunk.attempt].append(stored)
    return dict(sorted(found.items()))


def pick_streamed(found: Streams) -> Sequence[StoredChunk] | None:
    """An answer in one attempt, short enough to be shown whole and long enough to be a stream."""
    whole = [stream for stream in found.values() if len(attempts_of(stream)) == 1 and stream[-1].chunk.kind == "end"]
    fitting = [stream for stream in whole if _FEW <= len(stream) <= _MANY]
    return max(fitting, key=len, default=None) or min(whole, key=len, default=None)


def pick_restarted(found: Streams) -> Sequence[StoredChunk] | None:
    """An answer that came in more than one attempt, and was complete at last."""
    return next(
        (stream for stream in found.values() if len(attempts_of(stream)) > 1 and stream[-1].chunk.kind == "end"), None
    )
