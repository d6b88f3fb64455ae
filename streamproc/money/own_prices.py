"""Own prices of the settings, as rates: one set for each period that a price is valid."""

from datetime import UTC, datetime

from streamproc.money.dollars import decimal
from streamproc.money.rates import Rates, Step, picos
from streamproc.settings.prices import PeriodPriceSettings, PriceSettings, StepPriceSettings, TierPriceSettings

__all__ = ["OwnRates"]

_PER_MILLION = 10**6


class OwnRates:
    """The rates of one model, each with the time from which they hold; None is always."""

    def __init__(self, price: PriceSettings) -> None:
        periods = (price, *price.later)
        self._periods = [(period.valid_from, _rates(period)) for period in periods]

    def at(self, moment: datetime) -> Rates | None:
        """Those that hold at a time (with a zone); None before the first period."""
        for valid_from, rates in reversed(self._periods):
            if valid_from is None or valid_from <= moment:
                return rates
        return None


def _rates(period: PeriodPriceSettings) -> Rates:
    since = period.valid_from
    version = "settings" if since is None else f"settings from {since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return Rates(_steps(period), version, tuple((name, _steps(tier)) for name, tier in period.tiers.items()))


def _steps(tier: TierPriceSettings) -> tuple[Step, ...]:
    return (_step(tier, 0), *(_step(step, step.above_input_tokens) for step in tier.steps))


def _step(price: TierPriceSettings | StepPriceSettings, start: int) -> Step:
    """Input that is cached or written costs the plain rate without a price of its own; hours and searches have none."""
    plain, output = _per_token(price.input_usd), _per_token(price.output_usd)
    return Step(
        above_input_tokens=start,
        input=plain,
        output=output,
        cached_input=plain if price.cached_input_usd is None else _per_token(price.cached_input_usd),
        cache_write=plain if price.cache_write_usd is None else _per_token(price.cache_write_usd),
        reasoning=output,
        request=0,
        cache_write_1h=None if price.cache_write_1h_usd is None else _per_token(price.cache_write_1h_usd),
        web_search=None if price.web_search_usd is None else picos(decimal(price.web_search_usd), per=1),
    )


def _per_token(usd_per_million: float) -> int:
    return picos(decimal(usd_per_million), per=_PER_MILLION)
