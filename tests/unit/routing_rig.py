"""Chains over scripted providers, and routes over them."""

from collections.abc import Sequence
from typing import Any

from streamproc.chain.routes import SpentShare
from streamproc.chain.run import Run
from streamproc.chains import Chains
from streamproc.errors import ServerFault
from streamproc.money.spent import Slowed
from streamproc.money.tokens import TokenCounter
from streamproc.providers.catalog import Catalog
from streamproc.records.request import Request
from streamproc.settings.settings import Settings
from tests.fakes import FakeClock, Seen, a_request, a_run, asked

__all__ = ["PRICE", "Rig", "one", "variants"]

PRICE, DEAR = {"input_usd": 1, "output_usd": 2}, {"input_usd": 100, "output_usd": 200}


class Rig:
    """Chains over scripted providers p, q and s, each with a model m, a cheap one; p also has a dear one."""

    def __init__(
        self,
        routes: dict[str, Any],
        spent: SpentShare = lambda *_: None,
        providers: dict[str, Any] | None = None,
        slowed: Sequence[Slowed] = (),
        **top: Any,
    ) -> None:
        own: dict[str, dict[str, Any]] = {
            "p": {"models": ["m", "dear"], "prices": {"m": PRICE, "dear": DEAR}},
            "q": {"models": ["n"], "prices": {"n": PRICE}},
            "s": {"models": ["o"], "prices": {"o": PRICE}},
        }
        for name, more in (providers or {}).items():
            own[name] |= more
        kinds = {name: {"kind": "scripted", **one} for name, one in own.items()}
        settings = Settings.model_validate({"providers": kinds, "routes": routes, **top})
        self.clock, self.seen = FakeClock(), Seen()
        catalog = Catalog(settings.providers, now=self.clock.time)
        self.chains = Chains(
            settings, catalog, self.clock, self.seen, TokenCounter(), spent_share=spent, slowed_of=lambda *_: slowed
        )

    def places(self, request: Request | None = None, **fields: Any) -> list[str]:
        """The choices of a request to the route r."""
        plan = self.chains.leave.plan(asked(request or a_request(model="r"), **fields))
        return [choice.place for choice in plan.choices]

    def variant(self, request: Request | None = None, **fields: Any) -> str | None:
        """The variant that a request to the route r gets."""
        return self.chains.leave.plan(asked(request or a_request(model="r"), **fields)).variant

    def run(self, **fields: Any) -> Run:
        """A run of a request to the route r."""
        request = fields.pop("request", None) or a_request(model="r")
        return a_run(request=request, plan=self.chains.leave.plan(asked(request)), **fields)

    def fail(self, place: str, times: int = 10) -> None:
        """Opens the breaker of a model."""
        provider, model = place.split("/")
        run = a_run(request=a_request(model=place), plan=self.chains.leave.plan(asked(a_request(model=place))))
        for _ in range(times):
            if self.chains.leave.admit(run) is None and run.progress.permit is not None:
                run.progress.permit.began()
                run.progress.permit.ended(ServerFault("x", provider=provider), None, is_complete=False)
        assert any(
            one.breaker == "open"
            for one in self.chains.leave.standings()
            if (one.provider, one.model) == (provider, model)
        )


def one(*use: str, **fields: Any) -> dict[str, Any]:
    """Routes with a single variant."""
    return {"r": {"variants": {"v": {"use": list(use)}}, **fields}}


def variants(**own: Any) -> dict[str, Any]:
    """Routes with these variants of one route."""
    return {"r": {"variants": own}}
