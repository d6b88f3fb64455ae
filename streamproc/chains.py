"""The chains: what stands in front of each provider, and which one a request goes through.

    Cached(Retrying(Limited({credential: Accounted(provider) for each credential of the provider})))

A run's call passes the retry first, so that every try is a call of its own with a usage line of its own. Which
credential takes it, breakers and limits decide, for the first try before its run has a slot (`admit`).
The cache stands before all of them, where the settings have one: what it gives is no call, and needs no leave to call.
Where a request names a route, `Fallback` goes through the chains of its choices.
"""

import random
from collections.abc import Sequence
from datetime import datetime

from streamproc.caching import Cache
from streamproc.chain.accounting import Accounted
from streamproc.chain.admission import Admission
from streamproc.chain.budget import Budget
from streamproc.chain.clock import Clock
from streamproc.chain.limit import Limited
from streamproc.chain.limits import own_limits
from streamproc.chain.plan import Choice
from streamproc.chain.provider import Provider
from streamproc.chain.retry import Retrying
from streamproc.chain.retry_budget import RetryBudget
from streamproc.chain.routes import SpentShare
from streamproc.chain.rules import breaker_rules, limit_rules, retry_policy
from streamproc.chain.spare import Spare
from streamproc.chain.tenants import Tenants
from streamproc.chain.throttles import SlowedOf, Throttles
from streamproc.leasing import Leasing
from streamproc.leave import PlannedLeave
from streamproc.money.calibration import Calibration
from streamproc.money.measure import Measure
from streamproc.money.pricing import Prices
from streamproc.money.rates import Rates
from streamproc.money.tokens import TokenCounter
from streamproc.observe.events import Observer
from streamproc.observe.gauges import CacheSizes, FactorState
from streamproc.offers import Offers
from streamproc.plans import Plans
from streamproc.providers.catalog import Catalog
from streamproc.route_rules import load_rules
from streamproc.routing import Routing
from streamproc.settings.settings import Settings

__all__ = ["Chains"]

_LOOK_SECONDS = 1.0
"""A run whose conditions change with time is asked again so soon, however long its present choices are held."""


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
        spent_share: SpentShare = lambda *_: None,
        slowed_of: SlowedOf = lambda *_: (),
    ) -> None:
        """`budget` is asked before each call; None where there are no caps.

        `spent_share` says what is spent of them, and `slowed_of` which of them slow their calls down.

        Raises:
            SetupError: a rule of a route cannot be imported.
        """
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
        retry = settings.retry
        self._retries = RetryBudget(retry.process_ratio, retry.process_per_second, clock.monotonic())
        self._leasing = Leasing.open(settings, clock, observer)
        self._limits_of = own_limits if self._leasing is None else self._leasing.limits
        tenants = Tenants(
            {name: limit_rules(limits) for name, limits in settings.tenants.items()}, limits_of=self._limits_of
        )
        self._admissions = {name: self._admission(name, tenants) for name in settings.providers}
        self._cache = Cache.open(settings.cache, clock, observer)
        chains = {name: self._chain(name) for name in settings.providers}
        offers = Offers(settings, catalog, self._prices, self._measures, clock)
        routing = Routing(settings.routes, offers, load_rules(settings.routes), spent_share, clock, observer)
        plans = Plans(routing, offers, chains, self._spared, observer)
        most = settings.limits.default_output_tokens
        throttles = Throttles(slowed_of, clock)
        self.leave = PlannedLeave(plans, self._admissions, self._cache, throttles, most, clock, observer)

    def load(self) -> None:
        """Prices and rank files. Blocks for about a second: call it in a thread.

        Raises:
            SetupError: a rank file is damaged, or what the cache or shared limits need is not installed.
        """
        if self._leasing is not None:
            self._leasing.load()
        if self._cache is not None:
            self._cache.load()
        self._prices.load()
        self._counter.load(model for provider in self._settings.providers.values() for model in provider.models)

    def factors(self) -> tuple[FactorState, ...]:
        """What was learned of the tokens of models. Another thread may ask."""
        return tuple(
            FactorState(*spot, learned.percent, learned.error_percent)
            for spot, learned in self._calibration.all().items()
        )

    def cache_sizes(self) -> CacheSizes | None:
        """What the cache holds in memory; None when there is none."""
        return None if self._cache is None else self._cache.sizes()

    @property
    def failure(self) -> BaseException | None:
        """What fetching shared limits died of, if it did."""
        return None if self._leasing is None else self._leasing.failure

    async def close(self) -> None:
        """Lets go of the stores; nothing is asked any more."""
        if self._leasing is not None:
            await self._leasing.close()
        if self._cache is not None:
            await self._cache.close()

    def _admission(self, name: str, tenants: Tenants) -> Admission:
        own = self._settings.providers[name]
        rules = {}
        for credential, _ in self._catalog.credentials[name]:
            more = own.credentials.get(credential)
            rules[credential] = limit_rules(own.limits if more is None or more.limits is None else more.limits)
        breaker = breaker_rules(self._settings.breaker)
        return Admission(name, rules, tenants, breaker, self._clock, self._observer, self._limits_of)

    def _spared(self, chain: Provider, choices: Sequence[Choice], text: str | None) -> Provider:
        answers = None if self._cache is None else self._cache.answers
        if answers is None and text is None:
            return chain
        return Spare(chain, choices, answers, text, self._clock, self._observer)

    def _chain(self, name: str) -> Provider:
        accounted = {
            credential: self._accounted(name, provider) for credential, provider in self._catalog.credentials[name]
        }
        limited = Limited(name, accounted, self._admissions[name])
        policy = retry_policy(self._settings.retry)
        retrying = Retrying(limited, policy, self._retries, self._clock, random.random, self._observer)
        return retrying if self._cache is None else self._cache.around(retrying)

    def _accounted(self, name: str, provider: Provider) -> Provider:
        def rates(model: str, at: datetime) -> Rates | None:
            return self._prices.rates(name, model, at)

        return Accounted(provider, rates, self._measures[name], self._clock, self._observer, self._budget)
