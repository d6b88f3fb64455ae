"""A provider that answers 503 to everybody for a while, on real processes; `benchmarks.outage` measures a longer one."""

from pathlib import Path

from benchmarks.outage import Outage, play


def test_an_outage_is_not_amplified_and_fails_nobody(bootstrap: str, tmp_path: Path) -> None:
    """The breaker lets probes through and nothing else: at most 1.2 calls a request; each run has its answer in the end."""
    outage = Outage(before=1, seconds=4, after=3, rate=40)
    seen = play(outage, bootstrap, tmp_path)
    assert seen.statuses == {"completed": outage.requests}
    assert seen.calls_per_request <= 1.2
    assert seen.back_after(outage.rate) is not None
