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
from streamproc.money.bound import most_of, unbounded
from streamproc.money.images import Vendor, image_tokens
from streamproc.money.pricing import PriceBook
from streamproc.money.rates import Rates
from streamproc.money.tokens import TokenCounter
from streamproc.observe.events import Observer
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
        self._prices = PriceBook({name: provider.prices for name, provider in settings.providers.items()})
        self._counter = counter
        self._budget = budget
        self._image_tokens = {
            name: image_tokens(_vendor(provider.base_url), provider.image_tokens)
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

    def route(self, request: Request) -> tuple[Provider, str]:
        """The chain that answers a request, and the provider's own name of the model.

        Raises:
            InvalidRequest: no provider has the model or takes the request's options, or what it may use has no price.
        """
        resolved = self._catalog.resolve(request.model)
        self._catalog.check(resolved, request)
        name, model = resolved
        if not self._settings.allow_unpriced:
            self._check_price(request, name, model)
        return self._chains[name], model

    def _check_price(self, request: Request, name: str, model: str) -> None:
        rates = self._rates(name, model, datetime.fromtimestamp(self._clock.time(), UTC))
        if rates is None:
            raise InvalidRequest(
                f"model: {model!r} of provider {name!r} has no known price; set providers.{name}.prices"
                " or allow_unpriced",
                code="unpriced",
            )
        # Whether there is a bound depends on no size.
        most = most_of(
            request, model, self._image_tokens[name], prompt_bytes=0, prompt_tokens=None, max_output_tokens=1
        )
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
            return self._rates(name, model, at)

        accounted = Accounted(
            provider,
            rates,
            self._counter,
            self._clock,
            self._observer,
            image_tokens=self._image_tokens[name],
            counts_exactly=_vendor(self._settings.providers[name].base_url) == "openai",
            budget=self._budget,
        )
        return Retrying(accounted, policy, self._clock, random.random, self._observer)

    def _rates(self, provider: str, model: str, at: datetime) -> Rates | None:
        settings = self._settings.providers[provider]
        return self._prices.rates(provider, settings.price_provider, settings.base_url, model, at)


def _vendor(base_url: str) -> Vendor | None:
    # By the address alone: under a model's name anybody may serve another one, with a tokenizer of its own.
    if base_url.startswith("https://api.openai.com/"):
        return "openai"
    return "anthropic" if base_url.startswith("https://api.anthropic.com/") else None
