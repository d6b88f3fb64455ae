"""Days and months of a time zone, with the turns of its clocks."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.money.windows import WINDOWS, Windows
from streamproc.settings.time_zone import zone_of

HOUR_MS = 3_600_000
ZONES = ("UTC", "Europe/Berlin", "America/Havana", "Asia/Beirut", "America/Sao_Paulo", "Pacific/Apia", "Asia/Kolkata")


def at(zone: str, *when: int, fold: int = 0) -> int:
    """Unix milliseconds of a local time."""
    return int(datetime(*when, tzinfo=ZoneInfo(zone), fold=fold).timestamp() * 1000)  # type: ignore[arg-type,misc] # numbers of a date


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", (2026, 3, 28), 24),
        ("Europe/Berlin", (2026, 3, 29), 23),
        ("Europe/Berlin", (2026, 10, 25), 25),
        ("Asia/Beirut", (2026, 3, 29), 23),  # clocks are turned at midnight: the day begins at one o'clock
        ("America/Havana", (2026, 11, 1), 25),  # and here midnight comes twice
        ("UTC", (2026, 3, 29), 24),
    ],
)
def test_a_day_is_as_long_as_its_clocks_say(zone: str, day: tuple[int, int, int], hours: int) -> None:
    """23, 24 or 25 hours; it is the same window from its first millisecond to its last."""
    windows = Windows(zone_of(zone))
    found = windows.around("day", at(zone, *day, 12))
    assert found.end_ms - found.start_ms == hours * HOUR_MS
    assert windows.around("day", found.start_ms) == windows.around("day", found.end_ms - 1) == found


def test_a_month_is_that_of_the_zone() -> None:
    """It begins in Tokyo before it does in UTC."""
    moment = at("UTC", 2026, 11, 30, 20)
    assert Windows(zone_of("UTC")).around("month", moment).start_ms == at("UTC", 2026, 11, 1)
    assert Windows(zone_of("Asia/Tokyo")).around("month", moment).start_ms == at("Asia/Tokyo", 2026, 12, 1)


@given(st.sampled_from(ZONES), st.integers(0, 4_000_000_000_000))
def test_windows_part_the_time(zone: str, moment: int) -> None:
    """Each moment is in one day and one month, the next one begins where it ends, and a day is in one month."""
    windows = Windows(zone_of(zone))
    for window in WINDOWS:
        found = windows.around(window, moment)
        assert found.start_ms <= moment < found.end_ms
        assert windows.around(window, found.end_ms).start_ms == found.end_ms
    day, month = Windows(zone_of(zone)).around("day", moment), windows.around("month", moment)
    assert month.start_ms <= day.start_ms < day.end_ms <= month.end_ms


def test_a_zone_that_nobody_knows_is_refused() -> None:
    """With what a name looks like."""
    with pytest.raises(ValueError, match=r"'Europe/Atlantis' is no time zone .*names look like Europe/Berlin"):
        zone_of("Europe/Atlantis")
