"""What a new committed offset means for records that were finished, and for those that were not."""

import pytest

from streamproc.errors import SetupError
from streamproc.kafka.metadata import CommitMetadata, MetadataState, StoredMetadata
from streamproc.kafka.positions import Position
from streamproc.kafka.reader import Place
from streamproc.kafka.reset import Change, Target, check_rest, plan_change

NOTHING = StoredMetadata(MetadataState.NONE)
MAP = StoredMetadata(MetadataState.OURS, CommitMetadata(7, frozenset({2, 5})), 7)
DAMAGED = StoredMetadata(MetadataState.DAMAGED, epoch=7)


def position(committed: int | None, stored: StoredMetadata = NOTHING, partition: int = 0, end: int = 50) -> Position:
    """A partition that keeps the offsets from 10 to `end`."""
    return Position(Place("llm.requests", partition), 10, end, committed, stored)


@pytest.mark.parametrize(
    ("before", "target", "offset", "again", "skipped"),
    [
        (position(20), Target("current"), 20, 0, 0),
        (position(20), Target("earliest"), 10, 10, 0),
        (position(20), Target("latest"), 50, 0, 30),
        (position(20), Target("offset", 15), 15, 5, 0),
        (position(20), Target("offset", 50), 50, 0, 30),
        # 22 and 25 are finished: they run again where the map is dropped below them, and are not skipped.
        (position(20, MAP), Target("current"), 20, 2, 0),
        (position(20, MAP), Target("earliest"), 10, 12, 0),
        (position(20, MAP), Target("offset", 23), 23, 1, 2),
        (position(20, MAP), Target("latest"), 50, 0, 28),
        # Retention has taken what lies before 10.
        (position(4), Target("earliest"), 10, 0, 0),
        (position(4), Target("latest"), 50, 0, 40),
        (position(None), Target("earliest"), 10, 40, 0),
        (position(None), Target("latest"), 50, 0, 40),
        (position(20, DAMAGED), Target("current"), 20, 0, 0),
        # The topic was made anew: it was told that 50 of its 40 records would run again.
        (position(60), Target("earliest"), 10, 40, 0),
        (position(60), Target("latest"), 50, 0, 40),
    ],
)
def test_a_change_counts_what_it_does(before: Position, target: Target, offset: int, again: int, skipped: int) -> None:
    """Finished records at or above the new offset run again; unfinished ones below it never run."""
    change = plan_change(before, target)
    assert (change.offset, change.again, change.skipped) == (offset, again, skipped)


def test_counts_are_exact_where_it_is_known_what_was_finished() -> None:
    """With an unreadable map, or without an offset, nobody knows."""
    assert [plan_change(position(20, stored), Target("current")).is_exact for stored in (NOTHING, MAP, DAMAGED)] == [
        True,
        True,
        False,
    ]
    assert not plan_change(position(None), Target("latest")).is_exact
    assert not plan_change(position(60), Target("latest")).is_exact


def test_a_time_is_the_offset_that_kafka_finds_for_it() -> None:
    """And the end, where no record is so young."""
    assert plan_change(position(20), Target("time", 1), 30).offset == 30
    assert plan_change(position(20), Target("time", 1)).offset == 50


@pytest.mark.parametrize("offset", [9, 51])
def test_an_offset_that_is_not_there_is_refused(offset: int) -> None:
    """With those that are."""
    with pytest.raises(SetupError, match=f"partition 0 has offsets from 10 to 50, and not {offset}"):
        plan_change(position(20), Target("offset", offset))


def test_no_offset_cannot_be_kept() -> None:
    """`current` is for metadata only."""
    with pytest.raises(SetupError, match="has no committed offset to keep"):
        plan_change(position(None), Target("current"))


def test_an_offset_behind_the_end_cannot_be_kept() -> None:
    """No worker would start with it."""
    with pytest.raises(SetupError, match="partition 0 ends at 50, before its committed offset 60: use --to earliest"):
        plan_change(position(60), Target("current"))


def test_partitions_that_are_left_out_must_not_start_by_themselves() -> None:
    """One committed offset makes a worker take the topic's other partitions for new ones."""
    all_missing = [position(None, partition=0), position(None, partition=1), position(None, partition=2, end=10)]
    with pytest.raises(SetupError, match=r"partitions 1 of llm\.requests hold records"):
        check_rest([Change(all_missing[0], 10)], all_missing)
    check_rest([Change(item, 10) for item in all_missing[:2]], all_missing)
    check_rest([Change(all_missing[0], 10)], [all_missing[0], position(20, partition=1), all_missing[2]])
