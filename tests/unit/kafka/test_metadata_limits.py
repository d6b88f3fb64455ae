"""The bound of the text beside an offset, held to what is really written there."""

import random

import pytest

from streamproc.kafka.metadata import MAX_CHARACTERS, CommitMetadata
from streamproc.kafka.metadata_limits import OFFSET_METADATA, find_small_metadata, most_characters


@pytest.mark.parametrize("max_window", [1, 100, 4096, 16_000])
def test_no_map_of_a_window_is_longer(max_window: int) -> None:
    """Also one that nothing makes smaller, as where every other run is finished by chance."""
    span = max_window + 99
    chance = random.Random(max_window)
    for share in (0.0, 0.01, 0.5, 0.99, 1.0):
        done = frozenset(distance for distance in range(1, span) if chance.random() < share)
        written = CommitMetadata(2**33, done, "f" * 16, 2**62).encode()
        assert len(written) <= most_characters(max_window)


def test_windows_stop_growing_before_they_outgrow_their_place() -> None:
    """So no more than this is ever needed."""
    assert most_characters(10**6) == MAX_CHARACTERS


def test_a_broker_that_keeps_less_is_told() -> None:
    """By its number; one that does not tell is not."""
    configs = {"1": {OFFSET_METADATA: "4096"}, "2": {OFFSET_METADATA: "500"}, "3": {}}
    (told,) = find_small_metadata(configs, 4096)
    assert told.startswith("broker 2 keeps at most 500 characters beside an offset (offset.metadata.max.bytes), but")
    assert find_small_metadata(configs, 100) == []
