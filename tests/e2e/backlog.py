"""A backlog: many waiting requests, and what a worker looks like from outside while it works them off."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from tests.e2e.documents import docstrings, native_request
from tests.e2e.records import send
from tests.e2e.workplace import Worker, Workplace

__all__ = ["MODEL", "Sample", "fill", "watch"]

MODEL = "mock-t5-i40-f50"

_TEXTS = 200


class Sample(NamedTuple):
    """One look at a worker; `lag` counts the records that are not finished."""

    seconds: float
    resident_megabytes: float
    lag: int
    in_flight: int


def fill(place: Workplace, count: int) -> None:
    """Puts so many requests on the topic, spread evenly."""
    texts = docstrings(_TEXTS)
    records = (
        (
            b"%d" % number,
            native_request(f"r-{number}", MODEL, texts[number % _TEXTS]).encode(),
            (),
            number % place.partitions,
        )
        for number in range(count)
    )
    send(place.bootstrap, place.topic("requests"), records)


def watch(
    worker: Worker, is_over: Callable[[Sample], bool], *, every_seconds: float, patience_seconds: float
) -> Iterator[Sample]:
    """Samples until one says that it is over; that one is the last.

    Raises:
        TimeoutError: the lag did not fall for `patience_seconds`.
    """
    begin = last_fall = time.monotonic()
    lowest: int | None = None
    while True:
        now = time.monotonic()
        lag = worker.metric("streamproc_partition_lag")
        if lag is not None:
            sample = Sample(
                now - begin,
                _resident_megabytes(worker.process.pid),
                int(lag),
                int(worker.metric("streamproc_runs_in_flight") or 0),
            )
            yield sample
            if is_over(sample):
                return
            if lowest is None or sample.lag < lowest:
                lowest, last_fall = sample.lag, now
        if now - last_fall > patience_seconds or not worker.process.is_running:
            raise TimeoutError(f"the lag stands at {lowest}; the worker's last words:\n{worker.process.last_words()}")
        time.sleep(every_seconds)


def _resident_megabytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024
