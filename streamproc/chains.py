"""The chains: what stands in front of each provider, and which one a request goes through.

    Retrying(Accounted(provider))

A run's call passes the retry first, so that every try is a call of its own with a usage line of its own.
"""

import random
from datetime import UTC, datetime

from streamproc.chain.accounting import Accounted
from streamproc.chain.budget import Budget
from streamproc.chain.clock import Clock
from streamproc.chain.provider import Provider
from streamproc.chain.retry import Retrying, RetryPolicy
from streamproc.errors import InvalidRequest
from streamproc.money.bound import unbounded
from streamproc.money.calibration import Calibration
from streamproc.money.measure import Measure
from streamproc.money.pricing import Prices
from streamproc.money.rates import Rates
from streamproc.money.tokens import TokenCounter
from streamproc.observe.events import Observer
from streamproc.observe.gauges import FactorState
from streamproc.providers.catalog import Catalog
from streamproc.records.request import Request
from streamproc.settings.settings import Settings

__all__ = ["Chains"]


class Chains:
    """One chain for each provider of the settings."""

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        clock: Clock,
        observer: Observer,
        counter: TokenCounter,
        budget: Budget | None = None,
    ) -> None:
        """`budget` is asked before each call; None where there are no caps."""
        self._settings = settings
        self._catalog = catalog
        self._clock = clock
        self._observer = observer
        self._prices = Prices(settings.providers)
        self._counter = counter
        self._budget = budget
        self._calibration = Calibration()
        self._measures = {
            name: Measure.of(name, provider, counter, self._calibration)
            for name, provider in settings.providers.items()
        }
        self._chains = {name: self._chain(name, provider) for name, provider in catalog.providers.items()}

    def load(self) -> None:
        """Prices and rank files. Blocks for about a second: call it in a thread.

        Raises:
            SetupError: a rank file is damaged.
        """
        self._prices.load()
        self._counter.load(model for provider in self._settings.providers.values() for model in provider.models)

    def factors(self) -> tuple[FactorState, ...]:
        """What was learned of the tokens of models. Another thread may ask."""
        return tuple(
            FactorState(*spot, learned.percent, learned.error_percent)
            for spot, learned in self._calibration.all().items()
        )

    def route(self, request: Request) -> tuple[Provider, str]:
        """The chain that answers a request, and the provider's own name of the model.

        Raises:
            InvalidRequest: no provider has the model or takes the request's options, or what it may use has no price.
        """
        resolved = self._catalog.resolve(request.model)
        self._catalog.check(resolved, request, self._settings.limits.max_answer_characters)
        name, model = resolved
        if not self._settings.allow_unpriced:
            self._check_price(request, name, model)
        return self._chains[name], model

    def _check_price(self, request: Request, name: str, model: str) -> None:
        rates = self._prices.rates(name, model, datetime.fromtimestamp(self._clock.time(), UTC))
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

    def _chain(self, name: str, provider: Provider) -> Provider:
        retry = self._settings.retry
        policy = RetryPolicy(retry.attempts, retry.base_seconds, retry.cap_seconds, retry.max_lost_attempts)

        def rates(model: str, at: datetime) -> Rates | None:
            return self._prices.rates(name, model, at)

        measure = self._measures[name]
        accounted = Accounted(provider, rates, measure, self._clock, self._observer, self._budget)
        return Retrying(accounted, policy, self._clock, random.random, self._observer)
