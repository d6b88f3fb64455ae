"""The picture of an outage is drawn from its data."""

from benchmarks.timeline import picture


def test_one_column_is_a_second() -> None:
    """Eight marks up to twice the rate; what is more has the highest one, and nothing is blank."""
    calls, results = [40, 41, 1, 0, 200, 80, 20], [40, 30, 0, 0, 0, 120, 60]
    told = {
        "outage": {"rate": 40.0, "before": 2.0, "seconds": 2.0, "after": 2.0},
        "begun": 2.1,
        "ended": 4.1,
        "seconds": [
            {"second": at, "calls": made, "results": came}
            for at, (made, came) in enumerate(zip(calls, results, strict=True))
        ],
    }
    assert picture(told).splitlines() == [
        "requests ▄▄▄▄▄▄",
        "provider ..xx...",
        "calls    ▄▅▁ ██▂",
        "results  ▄▃   █▆",
    ]
