"""The measure of one provider's calls: the most that one can use, and what one has used that nobody told."""

from collections.abc import Sequence
from math import ceil
from statistics import median
from typing import Self

from streamproc.money.api import BillableApi, billable_api
from streamproc.money.bound import Most, most_image_tokens, most_of, possible_tiers
from streamproc.money.calibration import Calibration, Side, Spot
from streamproc.money.images import ImageTokens, image_tokens, vendor_of
from streamproc.money.tokens import TokenCounter
from streamproc.records.request import Request
from streamproc.records.usage import TokenCounts
from streamproc.settings.provider import ProviderSettings

__all__ = ["Measure"]

_FIRST_SAMPLED = 64
_SAMPLED_EVERY = 32
"""Calls that are counted to learn from them, because counting takes 50 µs for each 1,000 characters."""

_MOST_SAMPLED = 20_000
"""Bytes of a request, or characters of an answer, that are counted just to learn from them: a millisecond at most."""


class Measure:
    """Counts for one provider. Bounds come from bytes or from an exact tokenizer, estimates from the factor learned."""

    def __init__(
        self,
        provider: str,
        counter: TokenCounter,
        image_tokens: ImageTokens,
        api: BillableApi,
        calibration: Calibration,
        *,
        is_openai: bool,
    ) -> None:
        """Counts nothing yet.

        Args:
            provider: name in the settings.
            counter: shared by all providers.
            image_tokens: the most of an image.
            api: what a call can be billed for.
            calibration: shared by all providers.
            is_openai: it is OpenAI's own service, whose models have the tokenizers that their names say.
        """
        self._provider = provider
        self._counter = counter
        self._image_tokens = image_tokens
        self._api = api
        self._calibration = calibration
        self._is_openai = is_openai
        self._calls: dict[str, int] = {}

    @classmethod
    def of(cls, provider: str, settings: ProviderSettings, counter: TokenCounter, calibration: Calibration) -> Self:
        """The measure of a provider of the settings."""
        vendor = vendor_of(settings.base_url)
        images = image_tokens(vendor, settings.image_tokens)
        api = billable_api(settings.kind)
        return cls(provider, counter, images, api, calibration, is_openai=vendor == "openai")

    def most(
        self, request: Request, model: str, *, prompt_bytes: int, max_output_tokens: int, counts: bool = False
    ) -> Most:
        """The most a call can use: by the bytes of its request, or with `counts` by an exact count, which takes longer.

        Ask `is_exact` before `counts`.
        """
        return most_of(
            request,
            model,
            self._image_tokens,
            self._api,
            prompt_bytes=prompt_bytes,
            prompt_tokens=self._counter.count_prompt(model, request) if counts else None,
            max_output_tokens=max_output_tokens,
        )

    def is_exact(self, request: Request, model: str) -> bool:
        """Whether the prompt's texts can be counted as the provider counts them."""
        # What reasoning that is sent back counts, only the provider knows.
        return self.has_tokenizer(model) and not any(message.reasoning for message in request.messages)

    def has_tokenizer(self, model: str) -> bool:
        """Whether the model's own tokenizer is here; else its tokens are estimated by a factor."""
        return self._is_openai and self._counter.family(model).is_exact

    def tiers(self, request: Request) -> tuple[str, ...]:
        """Those on which the request may be answered."""
        return possible_tiers(request.service_tier, self._api)

    def estimated(self, request: Request, model: str, answer: Sequence[str] | None) -> TokenCounts:
        """What a call used whose provider did not tell, by its prompt and by what came of the answer.

        An answer of None has an output that nobody knows.
        """
        output = None
        if answer is not None:
            output = self._counter.count(model, "".join(answer), self._percent(model, "output")).tokens
        return TokenCounts(input=self.estimated_input(request, model), output=output)

    def estimated_input(self, request: Request, model: str) -> int | None:
        """Tokens of a prompt with its images; None when one of them has no known size."""
        images = most_image_tokens(request.images(), model, self._image_tokens)
        if images is None:
            return None
        return self._counter.count_prompt(model, request, self._percent(model, "input")) + images

    def learn(self, request: Request, model: str, prompt_bytes: int, answer: Sequence[str], usage: TokenCounts) -> None:
        """Compares the provider's usage of a complete answer with our own counts, if there is anything to learn.

        Cached input is part of the input, so it does not disturb. Prompts with images or with reasoning teach nothing,
        since their texts are not all of them, nor does output of which the provider says that a part was reasoning.
        Only some of a model's calls are looked at: the first 64, then each 32nd.
        """
        if self.has_tokenizer(model):
            return
        call = self._calls[model] = self._calls.get(model, 0) + 1
        if call > _FIRST_SAMPLED and call % _SAMPLED_EVERY:
            return
        if usage.input and prompt_bytes <= _MOST_SAMPLED and _is_text(request):
            prompt = self._counter.read_prompt(model, request)
            self._calibration.learn(Spot(self._provider, model, "input"), prompt.raw, usage.input - prompt.allowance)
        if usage.output and not usage.reasoning:
            text = "".join(answer)
            if len(text) <= _MOST_SAMPLED:
                counted = self._counter.count(model, text, percent=100).tokens
                self._calibration.learn(Spot(self._provider, model, "output"), counted, usage.output)

    def _percent(self, model: str, side: Side) -> int | None:
        if self.has_tokenizer(model):
            return None
        return self._calibration.learned(Spot(self._provider, model, side)).percent or self.kin_percent(model, side)

    def kin_percent(self, model: str, side: Side) -> int | None:
        """The median of what was learned of the provider's other models that count by the same ranks and percentage.

        A model of which too little is known yet, because its answers are longer, is likelier to be as they are than as
        the models of everybody else.
        """
        kind = self._counter.family(model)
        known = [
            learned.percent
            for spot, learned in self._calibration.all().items()
            if learned.percent is not None
            and (spot.provider, spot.side) == (self._provider, side)
            and self._counter.family(spot.model) == kind
        ]
        return ceil(median(known)) if known else None


def _is_text(request: Request) -> bool:
    """Whether the texts of a prompt are all of it."""
    for message in request.messages:
        if message.reasoning:
            return False
    return not request.images()
