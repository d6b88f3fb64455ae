"""Clocks of workers, by the epochs they leave."""

from streamproc.kafka.metadata import next_epoch
from streamproc.kafka.skew import seconds_behind


def test_an_epoch_from_the_future_is_a_clock_that_is_ahead() -> None:
    """A minute is allowed; claims that come at once make epochs run ahead by seconds."""
    assert seconds_behind(1061, 1000.0) == 61
    assert seconds_behind(1060, 1000.0) is None
    epoch = None
    for _ in range(50):
        epoch = next_epoch(epoch, 1000.9)
    assert seconds_behind(epoch or 0, 1000.9) is None
