"""A backlog is lag in Kafka, never memory in the worker; a stop in the middle of it loses nothing."""

import itertools
from pathlib import Path

import pytest

from tests.e2e.backlog import MODEL, fill, watch
from tests.e2e.records import read_topic, result_counts
from tests.e2e.workplace import MOCK, Workplace, mock_provider

_COUNT = 5_000
_WORKER = """
[worker]
max_running = 200
max_window = 500
"""


@pytest.mark.timeout(240)
def test_a_backlog_is_worked_off_over_a_stop(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    """5,000 requests, 200 at a time: memory stays, lag falls, and after SIGTERM and a restart every run has a result."""
    with (
        mock_provider(tmp_path) as mock,
        Workplace(tmp_path, kafka, topic_prefix, MOCK.format(url=mock.url, model=MODEL) + _WORKER) as place,
    ):
        fill(place, _COUNT)
        runs = {stored.run_id for stored in read_topic(kafka, place.topic("requests"))}
        assert len(runs) == _COUNT

        worker = place.start_worker().wait_until_ready()
        samples = list(watch(worker, lambda now: now.lag < _COUNT // 2, every_seconds=0.1, patience_seconds=15))
        assert worker.stop() == 0
        before = result_counts(kafka, place.topic("results"))
        assert before.total() == len(before) < _COUNT

        worker = place.start_worker().wait_until_ready()
        samples_after = list(watch(worker, lambda now: now.lag == 0, every_seconds=0.1, patience_seconds=15))
        assert worker.stop() == 0
        after = result_counts(kafka, place.topic("results"))
        repeated = {run for run, count in after.items() if count > 1}
        served = mock.stats()

    for part in (samples, samples_after):
        first, top = part[0].resident_megabytes, max(sample.resident_megabytes for sample in part)
        print(f"lag {part[0].lag} to {part[-1].lag} in {part[-1].seconds:.1f} s, {first:.0f} to {top:.0f} MB resident")
        assert all(later.lag <= earlier.lag for earlier, later in itertools.pairwise(part))
        assert 100 < max(sample.in_flight for sample in part) <= 200
        assert top < first + 60
    print(f"{len(before)} done before the stop, {len(repeated)} of them done again")
    assert after.keys() == runs
    assert repeated == set()
    assert served["completed"] == served["requests"] == after.total()
