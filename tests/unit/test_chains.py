"""Which chain answers a request, and what is refused before it because nobody knows what it may cost."""

from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest

from streamproc.chain.cache import Cached
from streamproc.chain.provider import Event, Text
from streamproc.chain.run import Run
from streamproc.chain.spare import Spare
from streamproc.chains import Chains
from streamproc.errors import InvalidRequest
from streamproc.money.tokens import TokenCounter
from streamproc.observe.gauges import FactorState
from streamproc.providers.catalog import Catalog
from streamproc.records.request import Request
from streamproc.settings.provider import ProviderSettings
from streamproc.settings.settings import Settings
from tests.fakes import FakeClock, Seen, a_call, a_request, a_run, asked

PRICE = {"input_usd": 1, "output_usd": 2}
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
HOUR = {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}}


def route(request: Request, *, allow_unpriced: bool = False, **provider: Any) -> tuple[str, str]:
    """Names of the provider and the model that answer."""
    own = {"kind": "scripted", "models": ["m"], "prices": {"m": PRICE}, **provider}
    settings = Settings.model_validate({"providers": {"mine": own}, "allow_unpriced": allow_unpriced})
    catalog = Catalog(settings.providers, now=lambda: 0.0)
    (choice,) = Chains(settings, catalog, FakeClock(), Seen(), TokenCounter()).leave.plan(asked(request)).choices
    return choice.provider.name, choice.model


def refused(request: Request, **provider: Any) -> str:
    """The sentence about a request that is not priced."""
    with pytest.raises(InvalidRequest) as caught:
        route(request, **provider)
    assert caught.value.code == "unpriced"
    return str(caught.value)


def talk(part: dict[str, Any]) -> Request:
    """A request with this part."""
    return a_request(messages=[{"role": "user", "content": [part]}])


def test_a_priced_model_is_answered() -> None:
    """An image, a tier and an hour in the cache, too, once they have a price."""
    assert route(a_request()) == ("mine", "m")
    assert route(talk(IMAGE), image_tokens=1000) == ("mine", "m")
    assert route(a_request(service_tier="flex"), prices={"m": {**PRICE, "tiers": {"flex": PRICE}}}) == ("mine", "m")
    assert route(talk(HOUR), prices={"m": {**PRICE, "cache_write_1h_usd": 2}}) == ("mine", "m")


@pytest.mark.parametrize(
    ("request_", "what", "setting"),
    [
        (talk(IMAGE), "an image", "image_tokens"),
        (talk(HOUR), "an hour in the prompt cache", "prices"),
        (a_request(service_tier="priority"), "the service tier 'priority'", "prices"),
        (a_request(service_tier="auto"), "the service tier 'priority'", "prices"),
    ],
)
def test_what_has_no_price_is_refused_before_the_call(request_: Request, what: str, setting: str) -> None:
    """One sentence names the model, what has no price, and the setting that gives it one."""
    assert refused(request_) == (
        f"model: 'm' of provider 'mine' has no known price for {what}; set providers.mine.{setting} or allow_unpriced"
    )
    assert route(request_, allow_unpriced=True) == ("mine", "m")


async def test_what_was_learned_of_a_model_is_shown() -> None:
    """By all calls of the process; this provider tells a token for each word."""
    own = ProviderSettings.model_validate({"kind": "scripted", "models": ["m"], "prices": {"m": PRICE}})
    settings = Settings.model_validate({"providers": {"mine": own}})
    chains = Chains(settings, Catalog(settings.providers, now=lambda: 0.0), FakeClock(), Seen(), TokenCounter())
    request = a_request(messages=[{"role": "user", "content": " the" * 140}])
    assert chains.factors() == ()
    for _ in range(6):
        plan = chains.leave.plan(asked(request))
        async for _ in plan.chain.stream(a_call(request, model="m", max_output_tokens=50)):
            pass
    assert chains.factors() == (
        FactorState("mine", "m", "input", 95, 0.0),
        FactorState("mine", "m", "output", 100, 0.0),
    )


def test_a_model_without_a_price_is_refused() -> None:
    """Unknown is not free."""
    assert refused(a_request(), prices={}) == (
        "model: 'm' of provider 'mine' has no known price; set providers.mine.prices or allow_unpriced"
    )


def test_the_vendor_s_own_service_has_its_published_rule() -> None:
    """An image for OpenAI is bounded by its address alone; on another server under the same name it is not."""
    own: dict[str, Any] = {"kind": "openai_chat", "models": ["gpt-4o"], "prices": {}, "price_provider": "openai"}
    image = a_request(model="gpt-4o", messages=[{"role": "user", "content": [IMAGE]}])
    assert route(image, base_url="https://api.openai.com/v1", **own) == ("mine", "gpt-4o")
    assert "an image" in refused(image, base_url="https://example.org/v1", **own)


def test_a_model_that_only_embeds_answers_no_conversation() -> None:
    """Its list has no price for output: embeddings have a bound, an answer has none."""
    own: dict[str, Any] = {"models": ["text-embedding-3-small"], "prices": {}, "price_provider": "openai"}
    asked = {"request_id": "r", "model": "text-embedding-3-small"}
    assert route(Request.model_validate({**asked, "input": ["a"]}), **own) == ("mine", "text-embedding-3-small")
    assert "output tokens" in refused(a_request(model="text-embedding-3-small"), **own)


@pytest.mark.parametrize(("cache", "is_cached"), [({}, False), ({"enabled": True}, True)])
def test_the_cache_stands_in_front_where_the_settings_have_one(cache: dict[str, Any], is_cached: bool) -> None:
    """Otherwise nothing of it is on the way of a token."""
    own = {"kind": "scripted", "models": ["m"], "prices": {"m": PRICE}}
    settings = Settings.model_validate({"providers": {"mine": own}, "cache": cache})
    chains = Chains(settings, Catalog(settings.providers, now=lambda: 0.0), FakeClock(), Seen(), TokenCounter())
    plan = chains.leave.plan(asked(a_request()))
    assert isinstance(plan.choices[0].provider, Cached) is is_cached
    assert isinstance(plan.chain, Spare) is is_cached
    assert (chains.cache_sizes() is not None) is is_cached


def opened(max_concurrent: int) -> Callable[[str], tuple[Chains, Run, AsyncGenerator[Event, None]]]:
    """Makes runs that ask for their words back, under a cache and a limit: each with its chains and its events."""
    own = {"kind": "scripted", "models": ["m"], "prices": {"m": PRICE}, "limits": {"max_concurrent": max_concurrent}}
    settings = Settings.model_validate({"providers": {"mine": own}, "cache": {"enabled": True}})
    chains = Chains(settings, Catalog(settings.providers, now=lambda: 0.0), FakeClock(), Seen(), TokenCounter())

    def new(words: str) -> tuple[Chains, Run, AsyncGenerator[Event, None]]:
        request = a_request(messages=[{"role": "user", "content": words}], max_output_tokens=100)
        run = a_run(request=request, provider=chains.leave.plan(asked(request)).chain)
        call = a_call(request, input_hash=run.input_hash, progress=run.progress)
        return chains, run, run.provider.stream(call)

    return new


async def test_an_answer_in_memory_and_a_call_to_follow_need_no_permit() -> None:
    """A limit that is reached, or an open breaker, holds up only who has to call."""
    new = opened(max_concurrent=1)
    chains, payer, paid = new("two words")
    assert chains.leave.admit(payer) is None
    assert await anext(paid) == Text("two")
    _, follower, followed = new("two words")
    assert (chains.leave.admit(follower), follower.progress.permit) == (None, None)
    assert chains.leave.admit(new("other words")[1]) is not None
    assert await anext(followed) == Text("two")
    for events in (paid, followed):
        async for _ in events:
            pass
    _, caller, _ = new("other words")
    assert chains.leave.admit(caller) is None
    _, late, replayed = new("two words")
    assert (chains.leave.admit(late), late.progress.permit) == (None, None)
    assert await anext(replayed) == Text("two words")


async def test_a_permit_that_was_taken_in_vain_is_given_back() -> None:
    """Two equal runs were let in before either began: the second follows the first, and a third one may call.

    One that was let in before there was an answer, and finds it then, gives its permit back as well.
    """
    new = opened(max_concurrent=2)
    chains, payer, paid = new("two words")
    _, follower, followed = new("two words")
    assert (chains.leave.admit(payer), chains.leave.admit(follower)) == (None, None)
    taken = follower.progress.permit
    assert taken is not None
    assert await anext(paid) == Text("two")
    assert chains.leave.admit(new("other words")[1]) is not None
    assert await anext(followed) == Text("two")
    assert taken.is_spent
    _, late, replayed = new("other words")
    assert chains.leave.admit(late) is None
    late_permit = late.progress.permit
    _, _, bought = new("other words")
    async for _ in paid:
        pass
    payer.progress.give_back()
    async for _ in bought:
        pass
    assert await anext(replayed) == Text("other words")
    assert late_permit is not None
    assert late_permit.is_spent
    await followed.aclose()
    await paid.aclose()
