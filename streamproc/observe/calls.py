"""Calls and their bills, as metrics tell of them: what ended how, after how long, and what it used and cost."""

from collections.abc import Callable

from streamproc.observe.events import CallEnded
from streamproc.observe.labels import BoundedLabel
from streamproc.observe.tallies import Cell, Counts, Series, Spread
from streamproc.records.usage import UsageLine

__all__ = ["CallCounts"]

_TOKEN_KINDS = ("input", "output", "cached_input", "cache_write", "cache_write_1h", "reasoning")
_NANOS_PER_DOLLAR = 1_000_000_000
_MOST_REMEMBERED = 10_000

# Upper edges in seconds; the last one is the default deadline of a call.
_CALL_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60, 120)
_FIRST_TOKEN_SECONDS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10, 30, 60)


class _Cells(dict[str, Cell]):
    """The cells of a counter by its last label, the others being the same; each is looked up once."""

    __slots__ = ("_counts", "_labels")

    def __init__(self, counts: Counts, *labels: str) -> None:
        self._counts = counts
        self._labels = labels

    def __missing__(self, last: str) -> Cell:
        cell = self[last] = self._counts.at((*self._labels, last))
        return cell


class _Place:
    """Where a call of one model for one tenant is counted."""

    __slots__ = ("costs", "first_token", "labels", "outcomes", "seconds", "tenant", "tokens")

    def __init__(self, labels: tuple[str, str], tenant: str, counts: "CallCounts") -> None:
        self.labels = labels
        self.tenant = tenant
        self.outcomes = _Cells(counts.calls, *labels)
        self.tokens = _Cells(counts.tokens, *labels)
        self.costs = _Cells(counts.costs, *labels)
        # Shown from the first call on that has one: a lost call has neither.
        self.seconds: Series | None = None
        self.first_token: Series | None = None


class CallCounts:
    """Counts calls. Labels are bounded by those of the other metrics."""

    def __init__(
        self,
        counter: Callable[..., Counts],
        histogram: Callable[..., Spread],
        models: BoundedLabel,
        tenants: BoundedLabel,
    ) -> None:
        """`counter` makes one from its name, its meaning and the names of its labels; `histogram` with its edges."""
        self._models = models
        self._tenants = tenants
        self._places: dict[tuple[str, str, str], _Place] = {}
        self.tokens = counter(
            "llm_tokens_total",
            "Tokens by kind; input includes cached_input and cache_write, which has cache_write_1h, output reasoning.",
            "provider",
            "model",
            "kind",
        )
        self._searches = counter("llm_web_searches_total", "Searches by the provider's own tool.", "provider", "model")
        self._above_bound = counter(
            "llm_calls_above_bound_total", "Calls whose provider reports more than they could use.", "provider", "model"
        )
        self.costs = counter(
            "llm_cost_dollars_total", "Cost of calls with a known price, US dollars.", "provider", "model", "tenant"
        )
        self.calls = counter("llm_calls_total", "Calls to providers by outcome.", "provider", "model", "outcome")
        self._seconds = histogram(
            "llm_call_seconds", "From a call's request to its end.", _CALL_SECONDS, "provider", "model"
        )
        self._first_token_seconds = histogram(
            "llm_first_token_seconds",
            "From a call's request to its first token.",
            _FIRST_TOKEN_SECONDS,
            "provider",
            "model",
        )
        self._unpriced = counter("llm_unpriced_calls_total", "Usage lines whose cost is not known.")
        self._lost = counter(
            "llm_lost_calls", "Calls of former owners of a partition, billed by this worker.", "provider", "model"
        )

    def ended(self, call: CallEnded) -> None:
        """A call to a provider ended."""
        place = self._place(call.provider, call.model, call.tenant)
        place.outcomes[call.outcome].value += 1.0
        if place.seconds is None:
            place.seconds = self._seconds.at(place.labels)
        place.seconds.add(call.seconds)
        if call.first_token_seconds is not None:
            if place.first_token is None:
                place.first_token = self._first_token_seconds.at(place.labels)
            place.first_token.add(call.first_token_seconds)
        if call.line is not None:
            self._bill(call.line, place)

    def lost(self, line: UsageLine) -> None:
        """A call of a former owner is billed."""
        place = self._place(line.provider, line.model, line.tenant)
        self._lost.add(place.labels)
        self._bill(line, place)

    def above_bound(self, line: UsageLine) -> None:
        """A provider reports more than a call could use."""
        self._above_bound.add(self._place(line.provider, line.model, line.tenant).labels)

    def _place(self, provider: str, model: str, tenant: str) -> _Place:
        place = self._places.get((provider, model, tenant))
        if place is None:
            if len(self._places) >= _MOST_REMEMBERED:
                self._places.clear()
            labels = (provider, self._models.label(model))
            place = self._places[provider, model, tenant] = _Place(labels, self._tenants.label(tenant), self)
        return place

    def _bill(self, line: UsageLine, place: _Place) -> None:
        tokens = line.tokens
        for kind in _TOKEN_KINDS:
            count: int | None = getattr(tokens, kind)
            if count is not None:
                place.tokens[kind].value += count
        if tokens.web_searches is not None:
            self._searches.add(place.labels, tokens.web_searches)
        if line.cost_nanos is None:
            self._unpriced.add()
        else:
            place.costs[place.tenant].value += line.cost_nanos / _NANOS_PER_DOLLAR
