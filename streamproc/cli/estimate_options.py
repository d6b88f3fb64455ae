"""What `streamproc estimate` is told of the load and of the answers, checked."""

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Literal

from cyclopts import Parameter

from streamproc.errors import SetupError
from streamproc.money.estimate import Load

__all__ = ["LoadOptions", "OutputTokens", "load_of", "output_tokens_of"]

_FIGURE = re.compile(r"\d{1,12}(\.\d{1,9})?", re.ASCII)
_TOKENS = re.compile(r"\d{1,9}", re.ASCII)

OutputTokens = int | Literal["mean", "max"]
"""How long answers are expected to be: so many tokens, as usage lines have it, or as long as they may be."""


@Parameter(name="*")
@dataclass(frozen=True)
class LoadOptions:
    """How much of it there will be."""

    requests_per_day: Annotated[str, Parameter(help="Requests like those of the file, each day.")]
    hit_rate: Annotated[str, Parameter(help="Share of them that a cache will answer, 0 to 1.")] = "0"
    scale: Annotated[str, Parameter(help="Also say a month at so many times the load.")] = "10"


def load_of(options: LoadOptions) -> Load:
    """The load.

    Raises:
        SetupError: a figure is none, or out of its bounds.
    """
    load = Load(
        _figure("--requests-per-day", options.requests_per_day),
        _figure("--hit-rate", options.hit_rate),
        _figure("--scale", options.scale),
    )
    if load.hit_rate > 1:
        raise SetupError(f"--hit-rate: {options.hit_rate} is not between 0 and 1")
    return load


def output_tokens_of(option: str) -> OutputTokens:
    """What `--output-tokens` means.

    Raises:
        SetupError: neither a number of tokens nor one of the two words.
    """
    if option in ("mean", "max"):
        return "mean" if option == "mean" else "max"
    if not _TOKENS.fullmatch(option):
        raise SetupError(f"--output-tokens: {option[:80]!r} is neither a number of tokens nor mean nor max")
    return int(option)


def _figure(name: str, text: str) -> Fraction:
    # Decimals as they are written: 0.1 is a tenth.
    if not _FIGURE.fullmatch(text):
        raise SetupError(f"{name}: {text[:80]!r} is no number from 0 on, such as 20000 or 0.5")
    return Fraction(text)
