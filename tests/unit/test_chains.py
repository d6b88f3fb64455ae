"""Which chain answers a request, and what is refused before it because nobody knows what it may cost."""

from typing import Any

import pytest

from streamproc.chains import Chains
from streamproc.errors import InvalidRequest
from streamproc.money.tokens import TokenCounter
from streamproc.observe.gauges import FactorState
from streamproc.providers.catalog import Catalog
from streamproc.records.request import Request
from streamproc.settings.provider import ProviderSettings
from streamproc.settings.settings import Settings
from tests.fakes import FakeClock, Seen, a_call, a_request

PRICE = {"input_usd": 1, "output_usd": 2}
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
HOUR = {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}}


def route(request: Request, *, allow_unpriced: bool = False, **provider: Any) -> tuple[str, str]:
    """Names of the provider and the model that answer."""
    own = {"kind": "scripted", "models": ["m"], "prices": {"m": PRICE}, **provider}
    settings = Settings.model_validate({"providers": {"mine": own}, "allow_unpriced": allow_unpriced})
    catalog = Catalog(settings.providers, now=lambda: 0.0)
    found, model = Chains(settings, catalog, FakeClock(), Seen(), TokenCounter()).route(request)
    return found.name, model


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
        provider, model = chains.route(request)
        async for _ in provider.stream(a_call(request, model=model, max_output_tokens=50)):
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
