"""The watchdog: it ends what stands still, and nothing else."""

import threading
from itertools import count

from streamproc.watchdog import Watchdog


def test_work_that_stands_still_is_ended_once() -> None:
    """After so many looks at the same value."""
    ended: list[float] = []
    done = threading.Event()

    def end(seconds: float) -> None:
        ended.append(seconds)
        done.set()

    dog = Watchdog(lambda: 7.0, 0.05, end, look_seconds=0.01)
    dog.start()
    assert done.wait(30)
    dog.stop()
    assert len(ended) == 1
    assert ended[0] >= 0.05


def test_work_that_goes_on_is_left_alone() -> None:
    """However slowly: each change begins the count anew."""
    ended: list[float] = []
    looks = count()
    many = threading.Event()

    def progress() -> float:
        look = next(looks)
        if look > 60:
            many.set()
        return look // 3

    dog = Watchdog(progress, 0.05, ended.append, look_seconds=0.01)
    dog.start()
    assert many.wait(30)
    dog.stop()
    assert ended == []


def test_it_stops_at_once() -> None:
    """A drain polls no more, and is not to be ended for it."""
    ended: list[float] = []
    dog = Watchdog(lambda: 7.0, 30.0, ended.append, look_seconds=10.0)
    dog.start()
    dog.stop()
    assert ended == []
