"""Money where people write and read it."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.money.dollars import nanos, usd


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (None, "unknown"),
        (0, "$0.00"),
        (1, "$0.000000001"),
        (183_000, "$0.000183"),
        (1_500_000_000, "$1.50"),
        (12_345_678_900_000_000, "$12345678.90"),
        (-20_000_000, "-$0.02"),
    ],
)
def test_amount_is_shown_exactly(amount: int | None, shown: str) -> None:
    """No digit is lost, cents are always there, and unknown is not zero."""
    assert usd(amount) == shown


@pytest.mark.parametrize(
    ("dollars", "expected"),
    [(0.1, 100_000_000), (0.3, 300_000_000), (Decimal("1.000000001"), 1_000_000_001), (1e-10, 0), (1_000_000, 10**15)],
)
def test_written_number_is_taken_as_written(dollars: float | Decimal, expected: int) -> None:
    """A tenth of a dollar is a tenth; less than a nano-dollar allows nothing."""
    assert nanos(dollars) == expected


@pytest.mark.parametrize("dollars", [float("nan"), float("inf"), Decimal("-Infinity")])
def test_number_that_is_no_amount_is_refused(dollars: float | Decimal) -> None:
    """Infinity is no cap."""
    with pytest.raises(ValueError, match="no amount of money"):
        nanos(dollars)


@given(st.integers(0, 10**18))
def test_shown_amount_reads_back(amount: int) -> None:
    """What is shown is the amount itself."""
    assert nanos(Decimal(usd(amount).removeprefix("$"))) == amount
