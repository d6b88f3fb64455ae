"""What the mock provider answers, before any API shape: words, counts, and the form in which the usage is told.

The counts follow one rule for all shapes. `input` is all of the input, with what the cache read or wrote; `output` is
all of the output, with the reasoning. Shapes that count otherwise convert (Anthropic's input excludes the cache).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from streamproc.mock.vocabulary import answer_words

__all__ = ["Answer", "Finish", "Usage", "UsageForm", "Vectors", "tell"]

Finish = Literal["stop", "length", "load"]
"""Why an answer ended: it was complete, the limit was reached, or (Ollama) there was nothing but a model to load."""

UsageForm = Literal["told", "missing", "null", "odd"]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of a call."""

    input: int
    cached: int
    cache_write: int
    output: int
    reasoning: int


@dataclass(frozen=True, slots=True)
class Vectors:
    """What an embeddings call asks for."""

    texts: tuple[str, ...]
    dimensions: int
    is_base64: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What all pieces of one answer share.

    Attributes:
        id: the call's name in the answer and in the bill.
        model: as it was asked for.
        created: unix time in seconds.
        seed: decides the words.
        input_tokens: all of the input.
        cached_tokens: the part of it that a cache read.
        cache_write_tokens: the part of it that was written to a cache.
        reasoning_tokens: generated before the first word.
        usage_form: how the usage is told; `missing` when it was not asked for.
        finish_reason: None leaves it out, which is a fault.
        first_token_seconds: time to the first token, for shapes that tell durations.
        interval_seconds: between two tokens.
        vectors: set for embeddings only.
        odd_word: stands instead of the word after so many others, which is a fault.
    """

    id: str
    model: str
    created: int
    seed: int
    input_tokens: int
    usage_form: UsageForm
    finish_reason: Finish | None
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    first_token_seconds: float = 0.0
    interval_seconds: float = 0.0
    vectors: Vectors | None = None
    odd_word: tuple[int, str] | None = None

    def text(self, tokens: int) -> str:
        """The first words."""
        text = answer_words(self.seed, tokens)
        if self.odd_word is None:
            return text
        words = text.split()
        words[self.odd_word[0]] = self.odd_word[1]
        return "".join(f" {word}" for word in words)

    def thoughts(self) -> str:
        """The text of the reasoning, for shapes that show it."""
        return answer_words(self.seed + 1, self.reasoning_tokens)

    def usage(self, tokens: int) -> Usage:
        """The counts after so many words."""
        return Usage(
            input=self.input_tokens,
            cached=self.cached_tokens,
            cache_write=self.cache_write_tokens,
            output=self.reasoning_tokens + tokens,
            reasoning=self.reasoning_tokens,
        )


_ODD: tuple[Callable[[int], Any], ...] = (
    str,
    lambda count: count + 0.5,
    lambda count: -1 - count,
    lambda count: [count],
)


def tell(form: UsageForm, figures: Mapping[str, Any]) -> dict[str, Any] | None:
    """The usage object in a form other than `missing`; `odd` gives strings, fractions, negative numbers and lists."""
    if form == "null":
        return None
    if form == "told":
        return dict(figures)
    return {
        name: tell(form, value)
        if isinstance(value, Mapping)
        else _ODD[place % len(_ODD)](value)
        if isinstance(value, int)
        else value
        for place, (name, value) in enumerate(figures.items())
    }
