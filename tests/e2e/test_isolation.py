"""A quiet tenant beside a flood for a route that hangs, on real processes; `benchmarks.isolation` measures it."""

from pathlib import Path

from benchmarks.isolation import Isolation, play


def test_a_quiet_tenant_is_answered_while_a_flood_waits(bootstrap: str, tmp_path: Path) -> None:
    """The slow route has its part of the slots and no more; the quiet tenant lacks nothing."""
    seen = play(Isolation(samples=60, rate=30, noise=400, slots=20, warm_seconds=0), bootstrap, tmp_path)
    assert (seen.alone.missing, seen.beside.missing) == (0, 0)
    assert 0 < seen.slow_calls <= 16
    assert seen.waiting > 200
