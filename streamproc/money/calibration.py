"""Calibration: how many tokens a model makes of what our own tokenizer counts, learned from the usage providers tell.

A factor learned so is for estimates alone. It is no bound: half of all texts need more than it says.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from math import ceil
from statistics import median
from typing import Literal, NamedTuple

__all__ = ["Calibration", "Learned", "Side", "Spot"]

_REMEMBERED = 64
_FEWEST_SAMPLES = 5
_FEWEST_TOKENS = 16
_LEAST_PERCENT, _MOST_PERCENT = 10, 1000

Side = Literal["input", "output"]
"""Prompts and answers are learned apart: a provider adds text of its own to the one, and hides some of the other."""


class Spot(NamedTuple):
    """What has a factor of its own. The same model may be another one at another provider."""

    provider: str
    model: str
    side: Side


class Learned(NamedTuple):
    """What is known of a factor.

    Attributes:
        percent: tokens of the model for 100 of our own; None as long as fewer than five samples came.
        error_percent: how far, in the median, the factor known before a sample was off it; None before the first one
            that could be looked at so.
        samples: how many were taken in all.
    """

    percent: int | None
    error_percent: float | None
    samples: int


_NOTHING = Learned(None, None, 0)


@dataclass(slots=True)
class _Series:
    percents: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    errors: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    learned: Learned = _NOTHING


class Calibration:
    """The factors of at most `max_spots` spots; above it the one that was not used for longest is forgotten.

    A factor is the median of the last 64 samples: single answers that are far off, and half a window of them, do not
    move it, and a model that was replaced is learned anew within as many.
    """

    def __init__(self, max_spots: int = 256) -> None:
        self._max_spots = max_spots
        self._series: OrderedDict[Spot, _Series] = OrderedDict()

    def __repr__(self) -> str:
        return f"Calibration({len(self._series)} of {self._max_spots} spots)"

    def learn(self, spot: Spot, counted: int, told: int) -> None:
        """Takes a sample: the tokens we counted in a text, and those the provider told for it.

        Texts below 16 tokens teach nothing, nor do figures that are off by more than the factor ten: a provider that
        told of something else than this text.
        """
        if counted < _FEWEST_TOKENS or not _LEAST_PERCENT <= 100 * told / counted <= _MOST_PERCENT:
            return
        series = self._of(spot)
        known = series.learned.percent
        if known is not None:
            series.errors.append(abs(counted * known / 100 - told) / told * 100)
        series.percents.append(100 * told / counted)
        series.learned = Learned(
            percent=ceil(median(series.percents)) if len(series.percents) >= _FEWEST_SAMPLES else None,
            error_percent=median(series.errors) if series.errors else None,
            samples=series.learned.samples + 1,
        )

    def learned(self, spot: Spot) -> Learned:
        """What is known of one spot. Asking keeps nothing."""
        series = self._series.get(spot)
        return _NOTHING if series is None else series.learned

    def all(self) -> dict[Spot, Learned]:
        """What is known of all of them. Another thread may ask."""
        return {spot: series.learned for spot, series in list(self._series.items())}

    def _of(self, spot: Spot) -> _Series:
        series = self._series.get(spot)
        if series is None:
            series = self._series[spot] = _Series()
            if len(self._series) > self._max_spots:
                self._series.popitem(last=False)
        self._series.move_to_end(spot)
        return series
