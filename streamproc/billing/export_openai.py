"""OpenAI's usage and costs: the pages of its organization API, and the CSV files of its dashboard.

Source: https://platform.openai.com/docs/api-reference/usage. Input includes cached tokens. A row without figures is
a bucket in which nothing was used.
"""

from streamproc.billing.export import Figures
from streamproc.billing.export_item import Item

__all__ = ["openai_day", "openai_figures", "openai_model"]

_NANOS_PER_USD = 10**9
_ROUNDED_NANOS = 1  # their amounts have more decimals than nano-dollars


def openai_day(bucket: Item) -> int:
    """The day of a bucket or of a row."""
    return bucket.day("start_time")


def openai_model(item: Item) -> str | None:
    """The model of an item; a cost names it in its line item, before what it was used for."""
    if (model := item.text("model")) is not None:
        return model
    line_item = item.text("line_item")
    return None if line_item is None else line_item.partition(",")[0].strip()


def openai_figures(item: Item) -> Figures | None:
    """What an item tells; None for a bucket in which nothing was used."""
    if item.has("amount"):
        amount = item.part("amount")
        return _cost(amount, "value", "currency")
    if item.has("amount_value"):
        return _cost(item, "amount_value", "amount_currency")
    if not item.has("num_model_requests") and not item.has("input_tokens"):
        return None
    return Figures(
        requests=item.count("num_model_requests"),
        input_tokens=item.count("input_tokens"),
        output_tokens=item.count("output_tokens"),
        cached_input_tokens=item.count("input_cached_tokens"),
    )


def _cost(item: Item, value: str, currency: str) -> Figures:
    if (item.text(currency) or "usd").lower() != "usd":
        raise item.wrong(currency, "is not usd")
    return Figures(cost_nanos=round(item.amount(value) * _NANOS_PER_USD), slack_nanos=_ROUNDED_NANOS)
