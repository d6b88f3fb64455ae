"""How long a partition stood still."""

import pytest

from tests.chaos.evidence import StoredChunk
from tests.chaos.recovery import Departure, Moment, Recovery, recoveries, starts_by_partition


def started(partition: int, *times: float) -> list[StoredChunk]:
    """Streams that begin at these unix seconds, each with a word after it."""
    return [
        StoredChunk("run", partition, int((at + later) * 1000), 1, 0, kind, "")
        for at in times
        for kind, later in (("start", 0.0), ("text", 0.01))
    ]


def test_a_partition_streams_again_when_the_next_stream_begins() -> None:
    """Words of streams that began before do not count; a partition in which none begins any more has no figure."""
    starts = starts_by_partition([*started(0, 99.995, 104.5, 103.0), *started(1, 100.25), *started(2, 99.0)])
    departure = Departure(0, "kill", 100.0, frozenset({0, 2}))
    assert recoveries([departure], starts, [Moment(0, 100.0)], 5.0) == [Recovery(departure, 0, 3.0, is_calm=True)]


@pytest.mark.parametrize(("at", "is_calm"), [(94.0, True), (96.0, False), (102.9, False), (103.1, True)])
def test_another_fault_that_is_near_disturbs(at: float, is_calm: bool) -> None:
    """From its aftermath before the departure to the moment at which the partition streams again."""
    departure = Departure(0, "kill", 100.0, frozenset({0}))
    (found,) = recoveries([departure], starts_by_partition(started(0, 103.0)), [Moment(1, at)], 5.0)
    assert found.is_calm == is_calm
