"""Routing: which variant of a route is for a request, and which of its models can take it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from streamproc.chain.clock import Clock
from streamproc.chain.plan import Asked
from streamproc.chain.routes import Rule, SpentShare, Surroundings, holds, pick, sticky_key
from streamproc.errors import InvalidRequest
from streamproc.observe.events import Observer
from streamproc.observe.route_events import RuleFailed
from streamproc.offers import Offers
from streamproc.providers.resolved import Resolved
from streamproc.route_rules import VariantName
from streamproc.settings.routes import RouteSettings

__all__ = ["Chosen", "Routing"]


class Chosen(NamedTuple):
    """A variant, and the models that may answer: its own, then those of the fallback route.

    `route` is the fallback route where no variant of the one that was asked for can take the request. `changes` says
    whether the request may get another variant at another time.
    """

    route: str
    variant: str
    places: tuple[Resolved, ...]
    changes: bool
    max_wait_seconds: float
    degraded_text: str | None = None


@dataclass(frozen=True, slots=True)
class _Route:
    """A route of the settings; `uses` are the models of each variant."""

    name: str
    settings: RouteSettings
    groups: tuple[tuple[str, ...], ...]
    uses: Mapping[str, tuple[Resolved, ...]]
    fallback: "_Route | None"

    @property
    def changes(self) -> bool:
        own = any(variant.when.changes for variant in self.settings.variants.values())
        return own or (self.fallback is not None and self.fallback.changes)


class Routing:
    """The routes of one worker."""

    def __init__(
        self,
        routes: Mapping[str, RouteSettings],
        offers: Offers,
        rules: Mapping[VariantName, Rule],
        spent_share: SpentShare,
        clock: Clock,
        observer: Observer,
    ) -> None:
        """`rules` has that of each variant with one; `spent_share` is asked where a condition is about it."""
        self._routes = {name: _route(name, routes) for name in routes}
        self._offers = offers
        self._rules = rules
        self._spent_share = spent_share
        self._clock = clock
        self._observer = observer

    def __contains__(self, model: str) -> bool:
        return model in self._routes

    def choose(self, name: str, asked: Asked) -> Chosen:
        """The variant of a route that a request goes to.

        Raises:
            InvalidRequest: none of them takes it; the first reason is told.
        """
        route = self._routes[name]
        problems: list[InvalidRequest] = []
        # Sizes are estimates: who seems to have no room comes last, and is not refused.
        for roomy in (True, False):
            found = self._look(route, asked, problems, roomy=roomy)
            if found is not None:
                (own, variant), places = found
                settings = route.settings
                return Chosen(own, variant, places, route.changes, settings.max_wait_seconds, settings.degraded_text)
        if problems:
            raise problems[0]
        raise InvalidRequest(f"model: no variant of route {name!r} is for this request", code="no_variant")

    def _look(
        self, route: _Route, asked: Asked, problems: list[InvalidRequest], *, roomy: bool
    ) -> tuple[VariantName, tuple[Resolved, ...]] | None:
        own = self._variant(route, asked, problems, roomy=roomy)
        later = None if route.fallback is None else self._look(route.fallback, asked, problems, roomy=roomy)
        if own is None or later is None:
            return own or later
        return own[0], tuple(dict.fromkeys((*own[1], *later[1])))

    def _variant(
        self, route: _Route, asked: Asked, problems: list[InvalidRequest], *, roomy: bool
    ) -> tuple[VariantName, tuple[Resolved, ...]] | None:
        variants = route.settings.variants
        for group in route.groups:
            found = {
                name: places
                for name in group
                if (places := self._able(route.uses[name], asked, problems, roomy=roomy))
                and self._holds(route, name, places[0], asked)
            }
            weights = {name: variants[name].weight for name in found}
            taken = pick(route.name, sticky_key(route.settings.sticky, asked), weights)
            if taken is not None:
                return VariantName(route.name, taken), found[taken]
        return None

    def _able(
        self, use: tuple[Resolved, ...], asked: Asked, problems: list[InvalidRequest], *, roomy: bool
    ) -> tuple[Resolved, ...]:
        """Those of a variant's models that can take a request."""
        able = []
        for place in use:
            try:
                # What bounds the cost of the whole request needs the price of each model that may answer it.
                self._offers.check(place, asked.request, priced=asked.request.max_cost_usd is not None)
            except InvalidRequest as error:
                problems.append(error)
            else:
                if not roomy or self._offers.has_room(place, asked):
                    able.append(place)
        return tuple(able)

    def _holds(self, route: _Route, variant: str, first: Resolved, asked: Asked) -> bool:
        request = asked.request
        around = Surroundings(
            now=self._clock.time(),
            most_nanos=partial(self._offers.most_nanos, first, asked),
            spent_share=partial(self._spent_share, asked.tenant, request.user, request.feature),
            rule=partial(self._obeys, VariantName(route.name, variant), asked),
        )
        return holds(route.settings.variants[variant].when, asked, around)

    def _obeys(self, name: VariantName, asked: Asked) -> bool:
        try:
            return bool(self._rules[name](asked.request))
        except Exception as error:  # noqa: BLE001 a user's function may raise anything, and must not hold up others
            self._observer.saw(RuleFailed(*name, f"{error!r:.300}"))
            return False


def _route(name: str, routes: Mapping[str, RouteSettings]) -> _Route:
    settings = routes[name]
    uses = {
        variant: tuple(Resolved(*place.split("/", 1)) for place in own.use)
        for variant, own in settings.variants.items()
    }
    fallback = None if settings.fallback is None else _route(settings.fallback, routes)
    return _Route(name, settings, settings.groups(), uses, fallback)
