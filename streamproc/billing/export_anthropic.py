"""Anthropic's usage and costs: the pages of its admin API, and the CSV files of its console.

Source: https://platform.claude.com/docs/en/build-with-claude/usage-cost-api. Cached and written tokens are told beside
the uncached ones; here they are part of the input. The API tells amounts in cents, the console in dollars with two
decimals, and there models have names for people.
"""

from streamproc.billing.export import Figures
from streamproc.billing.export_item import Item

__all__ = ["anthropic_day", "anthropic_figures", "anthropic_model"]

_NANOS_PER_USD = 10**9
_NANOS_PER_CENT = 10**7
_PLAIN = ("usage_input_tokens_no_cache", "uncached_input_tokens")
_READ = ("usage_input_tokens_cache_read", "cache_read_input_tokens")
_WRITTEN_COLUMNS = ("usage_input_tokens_cache_write_5m", "usage_input_tokens_cache_write_1h")
_WRITTEN_FIELDS = ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")


def anthropic_day(bucket: Item) -> int:
    """The day of a bucket or of a row."""
    return bucket.day("starting_at" if "starting_at" in bucket.values else "usage_date_utc")


def anthropic_model(item: Item) -> str | None:
    """The model of an item; the console's costs say `Claude Opus 4.6` for claude-opus-4-6."""
    if (model := item.text("model_version")) is not None:
        return model
    name = item.text("model")
    return None if name is None else name.lower().replace(" ", "-").replace(".", "-")


def anthropic_figures(item: Item) -> Figures | None:
    """What an item tells."""
    if "cost_usd" in item.values:
        dollars = item.amount("cost_usd")
        exponent = dollars.as_tuple().exponent
        # The half of the last decimal that is written.
        half = 5 * 10 ** max(8 + exponent, 0) if isinstance(exponent, int) else 0
        return Figures(cost_nanos=round(dollars * _NANOS_PER_USD), slack_nanos=half)
    if "amount" in item.values:
        if (item.text("currency") or "USD").upper() != "USD":
            raise item.wrong("currency", "is not USD")
        return Figures(cost_nanos=round(item.amount("amount") * _NANOS_PER_CENT), slack_nanos=1)
    plain, read = (next((name for name in names if name in item.values), names[0]) for names in (_PLAIN, _READ))
    if plain not in item.values:
        raise item.wrong(plain, "is no number")
    written = sum(item.count(name) for name in _WRITTEN_COLUMNS)
    if item.has("cache_creation"):
        written += sum(map(item.part("cache_creation").count, _WRITTEN_FIELDS))
    cached = item.count(read)
    return Figures(
        input_tokens=item.count(plain) + cached + written,
        output_tokens=item.count("usage_output_tokens") + item.count("output_tokens"),
        cached_input_tokens=cached,
    )
