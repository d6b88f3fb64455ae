"""A provider under `Accounted`, with prices that are easy to add up."""

from collections.abc import Iterable
from datetime import datetime
from functools import cache

import pytest

from streamproc.chain.accounting import Accounted
from streamproc.chain.budget import Budget
from streamproc.chain.call import Call
from streamproc.chain.provider import Event
from streamproc.errors import ProviderError
from streamproc.money.api import ANYTHING, BillableApi
from streamproc.money.calibration import Calibration
from streamproc.money.images import image_tokens
from streamproc.money.measure import Measure
from streamproc.money.rates import Rates
from streamproc.money.rates import Step as PriceStep
from streamproc.money.tokens import TokenCounter
from streamproc.observe.events import CallEnded
from streamproc.providers.scripted import Scripted, Step
from streamproc.records.request import Request
from tests.fakes import FakeClock, Seen, a_call, scripted

__all__ = ["MODEL", "RATES", "Rig", "a_measure", "counter", "the_call"]

# One dollar per million input tokens, two per million output tokens: 1,000 and 2,000 nano-dollars each.
RATES = Rates((PriceStep(0, 10**6, 2 * 10**6, 10**6, 10**6, 2 * 10**6, 0),), "list-1")
MODEL = "gpt-4o"


@cache
def counter() -> TokenCounter:
    """One for all tests: an encoding takes a while to load."""
    return TokenCounter()


def a_measure(
    *,
    exact: bool = False,
    own_image_tokens: int | None = None,
    api: BillableApi = ANYTHING,
    calibration: Calibration | None = None,
) -> Measure:
    """Of the provider `p`; an exact one is OpenAI's own."""
    images = image_tokens("openai" if exact else None, own_image_tokens)
    return Measure("p", counter(), images, api, calibration or Calibration(), is_openai=exact)


class Rig:
    """A provider that follows a script, under `Accounted`."""

    def __init__(
        self,
        script: Iterable[Step],
        *,
        rates: Rates | None = RATES,
        exact: bool = False,
        own_image_tokens: int | None = None,
        api: BillableApi = ANYTHING,
        calibration: Calibration | None = None,
        budget: Budget | None = None,
    ) -> None:
        def price(model: str, moment: datetime) -> Rates | None:
            self.asked.append((model, moment))
            return rates

        self.calibration = calibration or Calibration()
        self.clock = FakeClock()
        self.seen = Seen()
        self.provider: Scripted = scripted(lambda _: script, self.clock)
        self.asked: list[tuple[str, datetime]] = []
        self.accounted = Accounted(
            self.provider,
            price,
            a_measure(exact=exact, own_image_tokens=own_image_tokens, api=api, calibration=self.calibration),
            self.clock,
            self.seen,
            budget,
        )

    async def run(self, call: Call) -> list[Event]:
        return [event async for event in self.accounted.stream(call)]

    async def fail(self, call: Call) -> BaseException:
        with pytest.raises(ProviderError) as caught:
            await self.run(call)
        return caught.value

    @property
    def ended(self) -> CallEnded:
        (ended,) = self.seen.of(CallEnded)
        assert isinstance(ended, CallEnded)
        return ended


def the_call(request: Request | None = None, **fields: object) -> Call:
    """A call for the model whose tokens are counted."""
    return a_call(request, model=MODEL, **fields)
