"""The plans of requests: a plain model answers alone; a route's variant has several choices."""

from collections.abc import Callable, Mapping, Sequence

from streamproc.chain.fallback import Fallback
from streamproc.chain.plan import Asked, Choice, Plan
from streamproc.chain.provider import Provider
from streamproc.observe.events import Observer
from streamproc.offers import Offers
from streamproc.providers.resolved import Resolved
from streamproc.routing import Chosen, Routing

__all__ = ["Plans", "Spared"]


Spared = Callable[[Provider, Sequence[Choice], str | None], Provider]
"""Puts a layer in front of a chain of these choices; the text is what its route gives when there is nothing else."""


class Plans:
    """Plans for one worker. Each is made once, for all requests that get the same."""

    def __init__(
        self,
        routing: Routing,
        offers: Offers,
        chains: Mapping[str, Provider],
        spared: Spared,
        observer: Observer,
    ) -> None:
        """`chains` has that of each provider; `spared` puts in front of choices what is given when none can answer."""
        self._routing = routing
        self._offers = offers
        self._chains = chains
        self._spared = spared
        self._observer = observer
        self._plain: dict[Resolved, Plan] = {}
        self._routed: dict[Chosen, Plan] = {}

    def plan(self, asked: Asked) -> Plan:
        """The choices of a request.

        Raises:
            InvalidRequest: nobody has the model or takes what is asked of it, or what it may use has no price.
        """
        model = asked.request.model
        if model in self._routing:
            chosen = self._routing.choose(model, asked)
            routed = self._routed.get(chosen)
            if routed is None:
                routed = self._routed[chosen] = self._make(chosen)
            return routed
        place = self._offers.resolve(model)
        self._offers.check(place, asked.request)
        plain = self._plain.get(place)
        if plain is None:
            choice = self._choice(place)
            plain = self._plain[place] = Plan.plain(choice, self._spared(choice.provider, (choice,), None))
        return plain

    def _make(self, chosen: Chosen) -> Plan:
        choices = tuple(map(self._choice, chosen.places))
        several = " ".join(choice.place for choice in choices)
        # A layer that has nothing to choose from would only cost time for each token.
        chain = choices[0].provider if len(choices) == 1 else Fallback(choices, self._observer)
        return Plan(
            chain=self._spared(chain, choices, chosen.degraded_text),
            choices=choices,
            # No provider has a colon in its name, so the queue of no plain model is called the same.
            queue=f"{chosen.route}:{chosen.variant} {several}",
            route=chosen.route,
            variant=chosen.variant,
            changes=chosen.changes,
            max_wait_seconds=chosen.max_wait_seconds,
        )

    def _choice(self, place: Resolved) -> Choice:
        return Choice(self._chains[place.provider], place.model, self._offers.context_tokens(place))
