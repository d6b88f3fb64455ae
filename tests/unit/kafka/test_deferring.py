"""Deferring: which runs leave the window, and when."""

from datetime import UTC, datetime
from typing import Any

import pytest

from streamproc.chain.call import Progress
from streamproc.chain.run import Run
from streamproc.kafka.deferring import Bounds, choose, is_deferrable
from tests.fakes import NOW, a_request, a_run

BOUNDS = Bounds(max_window=100, max_queued_bytes=1000)


def later(offset: int = 0, seconds: float = 60, **fields: Any) -> Run:
    """A run that waits for its own time."""
    request = a_request(not_before=datetime.fromtimestamp(NOW + seconds, UTC))
    return a_run(offset, request=request, **{"not_before": NOW + seconds, **fields})


@pytest.mark.parametrize(
    ("window", "queued_bytes", "has_room", "is_crowded"),
    [(0, 0, True, False), (74, 749, True, False), (75, 0, True, True), (0, 750, True, True), (0, 0, False, True)],
)
def test_a_partition_is_crowded_near_either_cap(
    window: int, queued_bytes: int, has_room: bool, is_crowded: bool
) -> None:
    """At three quarters; or when the map beside its offset has no room, however small its window is."""
    assert BOUNDS.is_crowded(window, queued_bytes, has_room=has_room) is is_crowded


def test_deferred_runs_get_half_of_the_bytes() -> None:
    """The other half is for runs that could be answered."""
    assert BOUNDS.has_bytes_left(999, is_deferred=False)
    assert not BOUNDS.has_bytes_left(1000, is_deferred=False)
    assert BOUNDS.has_bytes_left(499, is_deferred=True)
    assert not BOUNDS.has_bytes_left(500, is_deferred=True)


def test_only_a_run_that_waits_for_its_own_time_is_deferred() -> None:
    """Neither one that waits for its provider, nor one that was deferred before, nor one that is due soon."""
    assert is_deferrable(later(), NOW)
    assert not is_deferrable(later(seconds=9), NOW)
    assert not is_deferrable(later(is_deferred=True), NOW)
    assert not is_deferrable(later(progress=Progress(1000, waits=1)), NOW)
    assert not is_deferrable(a_run(not_before=NOW + 60), NOW)


def test_the_lowest_offsets_go_first() -> None:
    """They hold the window. One commit bears a thousand of them, and 8 MiB, but one at least."""
    runs = [later(offset) for offset in range(1200)]
    chosen = choose(reversed(runs), NOW)
    assert [run.offset for run in chosen] == list(range(1000))
    large = [later(offset, size_bytes=3 * 2**20) for offset in range(5)]
    assert choose(large, NOW) == large[:2]
    assert len(choose([later(size_bytes=2**30)], NOW)) == 1
    assert choose([a_run()], NOW) == []
