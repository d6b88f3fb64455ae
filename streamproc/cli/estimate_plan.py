"""The plans of an estimate: the file on the models that its requests name, and all of it on each model there is."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from streamproc.cli.counting import NOT_CONFIGURED, Knowledge, place_of
from streamproc.cli.estimate_options import OutputTokens
from streamproc.cli.requests_file import FileRequest, output_limit
from streamproc.errors import InvalidRequest, SetupError
from streamproc.money.bound import upper_bound_nanos
from streamproc.money.cost import cost_nanos
from streamproc.money.estimate import Asked, Figures, Load, figures
from streamproc.providers.fit import fit
from streamproc.providers.resolved import Resolved
from streamproc.records.usage import TokenCounts
from streamproc.settings.settings import Settings

__all__ = ["Plan", "Planner"]


_MOST_PROBLEMS = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """What requests of the file cost on one model; `place` is None for all of them together, each on its own.

    `problems` are reasons why the model cannot answer requests, with their number; `unsaid` are facts that the settings
    do not tell and that requests need.
    """

    kind: Literal["as written", "on one model"]
    place: Resolved | None
    figures: Figures
    problems: Mapping[str, int]
    unsaid: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """For people."""
        if self.place is None:
            return "all"
        return "/".join(self.place) if self.place.provider != NOT_CONFIGURED else self.place.model


class Planner:
    """Makes plans for the requests of one file."""

    def __init__(
        self,
        settings: Settings,
        knowledge: Knowledge,
        requests: Sequence[FileRequest],
        load: Load,
        output_tokens: OutputTokens,
    ) -> None:
        self._settings = settings
        self._knowledge = knowledge
        self._requests = requests
        self._load = load
        self._output_tokens = output_tokens
        self._models = {name: own.models for name, own in settings.providers.items()}

    def as_written(self) -> Iterator[Plan]:
        """One for each model that the requests name, and the whole, where they name several."""
        by_place: dict[Resolved, list[FileRequest]] = {}
        for one in self._requests:
            by_place.setdefault(self._named(one.request.model), []).append(one)
        everything: list[Asked] = []
        for place, some in by_place.items():
            asked = [self._asked(place, one) for one in some]
            everything += asked
            share = Fraction(len(some), len(self._requests))
            yield Plan("as written", place, figures(asked, self._load, share), *self._fits(place, some, asked))
        if len(by_place) > 1:
            yield Plan("as written", None, figures(everything, self._load), {})

    def on_one_model(self, models: Sequence[str]) -> Iterator[Plan]:
        """All requests on each of these models, or on each of the settings when none is named.

        Raises:
            SetupError: one is not in the settings.
        """
        places = [Resolved(name, model) for name, own in self._models.items() for model in own]
        if models:
            try:
                places = [place_of(self._settings, model) for model in dict.fromkeys(models)]
            except InvalidRequest as error:
                raise SetupError(f"--model: {error}") from error
        for place in places:
            asked = [self._asked(place, one) for one in self._requests]
            yield Plan("on one model", place, figures(asked, self._load), *self._fits(place, self._requests, asked))

    def _named(self, model: str) -> Resolved:
        try:
            return place_of(self._settings, model)
        except InvalidRequest:
            return Resolved(NOT_CONFIGURED, model)

    def _asked(self, place: Resolved, one: FileRequest) -> Asked:
        request, measure, rates = one.request, self._knowledge.measure(place.provider), self._knowledge.rates(place)
        limit = output_limit(request, self._settings)
        expected = self._expected_output(place, limit)
        tokens = TokenCounts(input=measure.estimated_input(request, place.model), output=expected)
        if rates is None:
            return Asked(tokens.input, expected, None, None)
        tier = request.service_tier if request.service_tier in measure.tiers(request) else None
        most = measure.most(request, place.model, prompt_bytes=one.size_bytes, max_output_tokens=limit)
        return Asked(tokens.input, expected, cost_nanos(rates, tokens, tier), upper_bound_nanos(rates, most))

    def _expected_output(self, place: Resolved, limit: int) -> int:
        if self._output_tokens == "max":
            return limit
        expected = self._knowledge.mean_output(place) if self._output_tokens == "mean" else self._output_tokens
        if expected is None:
            raise SetupError("--output-tokens mean: no usage line tells of an answer; name --usage or --from-topic")
        return min(expected, limit)

    def _fits(
        self, place: Resolved, requests: Sequence[FileRequest], asked: Sequence[Asked]
    ) -> tuple[Mapping[str, int], frozenset[str]]:
        provider = self._settings.providers.get(place.provider)
        if provider is None:
            return {"it is not in the settings": len(requests)}, frozenset()
        problems: Counter[str] = Counter()
        unsaid: set[str] = set()
        for one, figure in zip(requests, asked, strict=True):
            found = fit(
                provider,
                place.model,
                one.request,
                input_tokens=figure.input,
                max_output_tokens=output_limit(one.request, self._settings),
                max_answer_characters=self._settings.limits.max_answer_characters,
            )
            unsaid |= found.unsaid
            if found.problem is not None:
                problems[found.problem] += 1
        return _bounded(problems), frozenset(unsaid)


def _bounded(problems: Counter[str]) -> Mapping[str, int]:
    """The commonest ones: a sentence may name a figure of its request, and then there are as many as requests."""
    told = dict(problems.most_common(_MOST_PROBLEMS))
    rest = problems.total() - sum(told.values())
    return told | {"other reasons": rest} if rest else told
