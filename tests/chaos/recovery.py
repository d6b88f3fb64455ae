"""How long partitions stood still after their worker had gone: from its end to the next stream that begins. Pure."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from tests.chaos.evidence import StoredChunk

__all__ = ["Departure", "Moment", "Recovery", "recoveries", "starts_by_partition"]


class Moment(NamedTuple):
    """A fault begins or ends: the number of the fault, and unix seconds."""

    fault: int
    at: float


class Departure(NamedTuple):
    """A worker that is gone.

    Attributes:
        fault: number of the fault that did it.
        kind: kill or leave.
        at: unix seconds.
        partitions: those that it owned.
    """

    fault: int
    kind: str
    at: float
    partitions: frozenset[int]


class Recovery(NamedTuple):
    """Seconds until a stream began again in a partition; `is_calm` when no other fault was near meanwhile."""

    departure: Departure
    partition: int
    seconds: float
    is_calm: bool


def starts_by_partition(chunks: Iterable[StoredChunk]) -> Mapping[int, Sequence[int]]:
    """Times at which streams began, in milliseconds, in rising order."""
    starts = defaultdict[int, list[int]](list)
    for chunk in chunks:
        if chunk.kind == "start":
            starts[chunk.partition].append(chunk.timestamp_ms)
    return {partition: sorted(times) for partition, times in starts.items()}


def recoveries(
    departures: Iterable[Departure],
    starts: Mapping[int, Sequence[int]],
    moments: Sequence[Moment],
    aftermath_seconds: float,
) -> list[Recovery]:
    """One for each partition of each departed worker; a partition in which no stream began any more is left out.

    `moments` are those of all faults; each has an effect for `aftermath_seconds`.
    """
    found = []
    for departure in departures:
        others = [moment.at for moment in moments if moment.fault != departure.fault]
        for partition in sorted(departure.partitions):
            times = starts.get(partition, ())
            place = bisect_right(times, departure.at * 1000)
            if place < len(times):
                again = times[place] / 1000
                is_calm = not any(departure.at - aftermath_seconds < at < again for at in others)
                found.append(Recovery(departure, partition, again - departure.at, is_calm))
    return found
