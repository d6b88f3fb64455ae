"""The most a call can use and cost. What has no bound is told, so that it can be refused before the call."""

from collections.abc import Iterable
from typing import NamedTuple

from streamproc.money.api import BillableApi
from streamproc.money.cost import sum_nanos
from streamproc.money.images import ImageTokens
from streamproc.money.rates import Ceiling, Rates
from streamproc.records.image import Image, data_of
from streamproc.records.request import Request
from streamproc.records.usage import TokenCounts

__all__ = [
    "COUNTED_ALLOWANCE_TOKENS",
    "HIDDEN_ALLOWANCE_TOKENS",
    "Most",
    "Unbounded",
    "most_image_tokens",
    "most_of",
    "possible_tiers",
    "unbounded",
    "upper_bound_nanos",
]

HIDDEN_ALLOWANCE_TOKENS = 1024
"""For text a provider adds by itself: a default system prompt, or one that explains tools; a few hundred tokens where
providers tell.

What a chat template puts around each message needs no allowance where bytes are counted: in the serialised request
`{"role":"user","content":""}` stands around each, 28 bytes against about 4 to 10 tokens.
"""

COUNTED_ALLOWANCE_TOKENS = 128
"""Beside a prompt counted exactly: OpenAI does not document how it writes tools and schemas into the prompt."""


_TOKENS = TokenCounts(input=None, output=None)


class Most(NamedTuple):
    """The most a call can use.

    Attributes:
        input: all input tokens, in whatever kinds; None: an image in it has no bound.
        output: all output tokens, reasoning included.
        tiers: service tiers it may be answered on.
        caches_for_an_hour: input may be written to the provider's cache to stay for an hour.
    """

    input: int | None
    output: int
    tiers: tuple[str, ...] = ("default",)
    caches_for_an_hour: bool = False

    @property
    def tokens(self) -> TokenCounts:
        """The same as token counts; it is not known how they fall into kinds."""
        return _TOKENS.changed(input=self.input, output=self.output)


class Unbounded(NamedTuple):
    """What of a call has no bound, and the provider's setting that gives it one."""

    what: str
    setting: str


def most_of(
    request: Request,
    model: str,
    image_tokens: ImageTokens,
    api: BillableApi,
    *,
    prompt_bytes: int,
    prompt_tokens: int | None,
    max_output_tokens: int,
) -> Most:
    """The most a call can use.

    Input tokens are at most `prompt_tokens`, the exact count of the prompt without its images, plus
    `COUNTED_ALLOWANCE_TOKENS`; without one (None) at most `prompt_bytes`, the UTF-8 length of the serialised request,
    plus `HIDDEN_ALLOWANCE_TOKENS`, because a token stands for at least one byte. Images count for themselves, by
    `image_tokens`, and the bytes of data URLs not at all. Output, reasoning included, is at most `max_output_tokens`;
    an embedding has none. What `api` cannot be asked for is not counted, whatever the request says.
    """
    texts = prompt_bytes + HIDDEN_ALLOWANCE_TOKENS
    if prompt_tokens is not None:
        texts = prompt_tokens + COUNTED_ALLOWANCE_TOKENS
    pictures: int | None = 0
    if images := request.images():
        pictures = most_image_tokens(images, model, image_tokens)
        if prompt_tokens is None:
            texts -= sum(len(image.url) for image in images if data_of(image.url) is not None)
    return Most(
        input=None if pictures is None else texts + pictures,
        output=0 if request.input is not None else max_output_tokens,
        tiers=possible_tiers(request.service_tier, api),
        caches_for_an_hour=api.caches_for_an_hour and request.caches_for_an_hour(),
    )


def most_image_tokens(images: Iterable[Image], model: str, image_tokens: ImageTokens) -> int | None:
    """The most input tokens of all images of a request; None when one of them has no bound."""
    total = 0
    for image in images:
        bound = image_tokens(model, image.detail)
        if bound is None:
            return None
        total += bound
    return total


def possible_tiers(asked: str | None, api: BillableApi) -> tuple[str, ...]:
    """The tiers that a request may be answered on. One that asks for none is sent as one that asks for the standard.

    A provider may answer a `flex` or `priority` request on the standard tier, and an `auto` one on either, where its
    API has that tier.
    """
    other = "priority" if asked == "auto" else asked
    return ("default", other) if other in api.tiers else ("default",)


def upper_bound_nanos(rates: Rates, most: Most) -> int | None:
    """The most a call can cost, whatever it finds in caches, whichever step it reaches, whoever answers it.

    None when something it may use has no known price, or no bound: `unbounded` says what.
    """
    dearest = 0
    for tier in most.tiers:
        ceiling = rates.ceiling(tier)
        bound = None if ceiling is None else _bound(ceiling, most)
        if bound is None:
            return None
        dearest = max(dearest, bound)
    return dearest


def unbounded(rates: Rates, most: Most) -> Unbounded | None:
    """What of a call has no bound; None when all has one."""
    for tier in most.tiers:
        ceiling = rates.ceiling(tier)
        if ceiling is None:
            return Unbounded(f"the service tier {tier!r}", "prices")
        dearest = _input(ceiling, most)
        if dearest is None:
            return Unbounded("an hour in the prompt cache", "prices")
        if dearest > 0 and most.input is None:
            return Unbounded("an image", "image_tokens")
        if most.output and ceiling.output is None:
            return Unbounded("output tokens", "prices")
    return None


def _bound(ceiling: Ceiling, most: Most) -> int | None:
    dearest = _input(ceiling, most)
    if dearest is None or (dearest > 0 and most.input is None):
        return None
    # An image of unknown size costs nothing where input is free.
    return sum_nanos(((1, ceiling.request), (most.input or 0, dearest), (most.output, ceiling.output)))


def _input(ceiling: Ceiling, most: Most) -> int | None:
    return ceiling.hour_input if most.caches_for_an_hour else ceiling.input
