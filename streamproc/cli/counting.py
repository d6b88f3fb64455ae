"""What commands know of models without a worker: their measure and price, and what usage lines teach of them."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime

from streamproc.cli.requests_file import FileRequest
from streamproc.money.api import ANYTHING
from streamproc.money.calibration import Calibration, Learned, Side, Spot
from streamproc.money.images import anthropic_image_tokens, openai_image_tokens
from streamproc.money.measure import Measure
from streamproc.money.pricing import Prices
from streamproc.money.rates import Rates
from streamproc.money.tokens import TokenCounter, family
from streamproc.providers.resolved import Resolved, resolved
from streamproc.records.image import Detail
from streamproc.records.input_hash import input_hash
from streamproc.records.usage import UsageLine
from streamproc.settings.settings import Settings

__all__ = ["NOT_CONFIGURED", "Knowledge", "place_of", "routes_note"]

NOT_CONFIGURED = ""
"""Stands for the provider of a model that the settings do not name: it is counted as its name says."""


def place_of(settings: Settings, model: str) -> Resolved:
    """Who answers a model that a request names; of a route, the first model of its first variant.

    Raises:
        InvalidRequest: nobody does.
    """
    route = settings.routes.get(model)
    name = model if route is None else next(iter(route.variants.values())).use[0]
    return resolved({provider: own.models for provider, own in settings.providers.items()}, name)


def routes_note(settings: Settings, models: Iterable[str]) -> str | None:
    """A sentence about those of the models that are routes; None when none is."""
    told = [f"{model} as {'/'.join(place_of(settings, model))}" for model in models if model in settings.routes]
    return f"of a route only the first model is counted: {', '.join(told)}" if told else None


def _image_tokens_by_name(model: str, detail: Detail | None) -> int | None:
    return openai_image_tokens(model, detail) or anthropic_image_tokens(model, detail)


class Knowledge:
    """Measures and prices of the models of the settings. `take` what was used, to count and to expect by it."""

    def __init__(self, settings: Settings, requests: Iterable[FileRequest] = ()) -> None:
        """`requests` are recognised in usage lines by their input hash, so that their counts can be compared."""
        counter = TokenCounter()
        self._calibration = Calibration()
        self._prices = Prices(settings.providers)
        self._now = datetime.now(UTC)
        self._measures = {
            name: Measure.of(name, provider, counter, self._calibration)
            for name, provider in settings.providers.items()
        }
        # A name that is not in the settings is taken at its word.
        self._by_name = Measure(
            NOT_CONFIGURED, counter, _image_tokens_by_name, ANYTHING, self._calibration, is_openai=True
        )
        self._requests = {input_hash(one.request): one for one in requests}
        self._outputs: Counter[Resolved] = Counter()
        self._answers: Counter[Resolved] = Counter()

    def measure(self, provider: str) -> Measure:
        """Of a provider of the settings, or of names that are not there."""
        return self._measures.get(provider, self._by_name)

    def rates(self, place: Resolved) -> Rates | None:
        """Today's; None: not known."""
        return self._prices.rates(place.provider, place.model, self._now)

    def take(self, line: UsageLine) -> None:
        """Learns from a line that the provider told; others say nothing about its tokens."""
        if line.basis != "provider":
            return
        place = Resolved(line.provider, line.model)
        if line.tokens.output is not None:
            self._outputs[place] += line.tokens.output
            self._answers[place] += 1
        asked = self._requests.get(line.input_hash)
        if asked is not None and line.provider in self._measures:
            usage = line.tokens.changed(output=None)  # the answer itself is not in a usage line
            self._measures[line.provider].learn(asked.request, line.model, asked.size_bytes, (), usage)

    def mean_output(self, place: Resolved) -> int | None:
        """Mean output tokens of its answers, rounded up; of all models' where it has none; None without any."""
        answers = self._answers[place] or self._answers.total()
        outputs = self._outputs[place] if self._answers[place] else self._outputs.total()
        return -(-outputs // answers) if answers else None

    def learned(self, place: Resolved, side: Side = "input") -> Learned:
        """What the lines taught of a model's tokens."""
        return self._calibration.learned(Spot(*place, side))

    def counted_by(self, place: Resolved) -> str:
        """How prompts of a model are counted, for people."""
        kind = family(place.model)
        if self.measure(place.provider).has_tokenizer(place.model):
            return f"{kind.ranks.encoding}, exact"
        learned = self.learned(place)
        if learned.percent is None:
            kin = self.measure(place.provider).kin_percent(place.model, "input")
            if kin is not None:
                return f"{kind.ranks.encoding} x {kin / 100:.2f}, learned from other models of {place.provider}"
            return f"{kind.ranks.encoding} x {kind.percent / 100:.2f}, not learned"
        error = "" if learned.error_percent is None else f", error {learned.error_percent:.1f} %"
        return f"{kind.ranks.encoding} x {learned.percent / 100:.2f}, learned from {learned.samples} calls{error}"
