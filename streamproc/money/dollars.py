"""The edge where money is read from people and shown to them; inside it is integer nano-dollars."""

from decimal import ROUND_FLOOR, Decimal

__all__ = ["decimal", "digits", "nanos", "usd"]

_NANOS_PER_USD = 10**9


def decimal(amount: float | Decimal) -> Decimal:
    """The decimal number somebody wrote: 0.1 is a tenth, not the binary fraction next to it."""
    return amount if isinstance(amount, Decimal) else Decimal(repr(amount))


def nanos(dollars: float | Decimal) -> int:
    """Nano-dollars of an amount somebody allows; a fraction of one is cut off, so it never allows more.

    Raises:
        ValueError: the amount is not finite.
    """
    amount = decimal(dollars)
    if not amount.is_finite():
        raise ValueError(f"{dollars} is no amount of money")
    return int((amount * _NANOS_PER_USD).to_integral_value(ROUND_FLOOR))


def usd(amount_nanos: int | None) -> str:
    """Dollars for people, exact, with at least two decimals; `unknown` for None."""
    if amount_nanos is None:
        return "unknown"
    return f"{'-' if amount_nanos < 0 else ''}${digits(abs(amount_nanos))}"


def digits(amount_nanos: int) -> str:
    """Dollars for programs: the bare number, exact, with at least two decimals."""
    whole, rest = divmod(abs(amount_nanos), _NANOS_PER_USD)
    decimals = f"{rest:09d}".rstrip("0").ljust(2, "0")
    return f"{'-' if amount_nanos < 0 else ''}{whole}.{decimals}"
