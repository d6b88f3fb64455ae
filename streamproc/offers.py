"""The offers of the models in the settings: what each takes, and what a call to it costs at most."""

from collections.abc import Mapping
from datetime import UTC, datetime

from streamproc.chain.clock import Clock
from streamproc.chain.plan import Asked
from streamproc.chain.routes import prompt_tokens
from streamproc.errors import InvalidRequest
from streamproc.money.bound import unbounded, upper_bound_nanos
from streamproc.money.measure import Measure
from streamproc.money.pricing import Prices
from streamproc.money.rates import Rates
from streamproc.providers.catalog import Catalog, Resolved
from streamproc.records.request import Request
from streamproc.settings.settings import Settings

__all__ = ["Offers"]


class Offers:
    """Looks at requests before any call is made."""

    def __init__(
        self, settings: Settings, catalog: Catalog, prices: Prices, measures: Mapping[str, Measure], clock: Clock
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._prices = prices
        self._measures = measures
        self._clock = clock

    def resolve(self, model: str) -> Resolved:
        """Who answers a model that a request names.

        Raises:
            InvalidRequest: nobody does.
        """
        return self._catalog.resolve(model)

    def context_tokens(self, place: Resolved) -> int | None:
        """The size of a model's context; None: not known."""
        facts = self._settings.providers[place.provider].facts.get(place.model)
        return None if facts is None else facts.context_tokens

    def check(self, place: Resolved, request: Request, *, priced: bool = False) -> None:
        """Refuses what a model could not be asked, and what it may use that has no price.

        A request that has to be `priced` is refused without a price also where the settings allow that.

        Raises:
            InvalidRequest: names what is refused.
        """
        self._catalog.check(place, request, self._settings.limits.max_answer_characters)
        if priced or not self._settings.allow_unpriced:
            self._check_price(request, *place)

    def has_room(self, place: Resolved, asked: Asked) -> bool:
        """Whether prompt and answer have room in a model's context, by estimate; one that is not known has."""
        size = self.context_tokens(place)
        return size is None or prompt_tokens(asked) + self._most_output(asked.request) <= size

    def most_nanos(self, place: Resolved, asked: Asked) -> int | None:
        """The most that the call costs, by the bytes of its request; None: not known."""
        rates = self._rates(*place)
        most = self._measures[place.provider].most(
            asked.request,
            place.model,
            prompt_bytes=asked.size_bytes,
            max_output_tokens=self._most_output(asked.request),
        )
        return None if rates is None else upper_bound_nanos(rates, most)

    def _most_output(self, request: Request) -> int:
        if request.input is not None:
            return 0
        return request.max_output_tokens or self._settings.limits.default_output_tokens

    def _rates(self, name: str, model: str) -> Rates | None:
        return self._prices.rates(name, model, datetime.fromtimestamp(self._clock.time(), UTC))

    def _check_price(self, request: Request, name: str, model: str) -> None:
        rates = self._rates(name, model)
        if rates is None:
            raise InvalidRequest(
                f"model: {model!r} of provider {name!r} has no known price; set providers.{name}.prices"
                " or allow_unpriced",
                code="unpriced",
            )
        # Whether there is a bound depends on no size.
        most = self._measures[name].most(request, model, prompt_bytes=0, max_output_tokens=1)
        if (gap := unbounded(rates, most)) is not None:
            raise InvalidRequest(
                f"model: {model!r} of provider {name!r} has no known price for {gap.what};"
                f" set providers.{name}.{gap.setting} or allow_unpriced",
                code="unpriced",
            )
