"""The words of the mock provider's answers: a seed decides them, one word for each token."""

from collections.abc import Iterator

import orjson

__all__ = ["VOCABULARY", "answer_words", "word_indices"]

_WORDS = """
    the river runs under an old stone bridge and carries leaves past quiet fields where small birds wait for rain
    while a slow cart climbs toward town with apples bread salt wool lamps paper ink glass rope honey seeds nails
    copper soap candles and one grey cat asleep on top of it all until evening comes near again under clear stars
"""
_TEXTS = tuple(f" {word}" for word in _WORDS.split())
_MASK = 2**64 - 1

VOCABULARY = tuple(orjson.dumps(text) for text in _TEXTS)
"""Every word as a JSON string, with a space before it."""


def word_indices(seed: int) -> Iterator[int]:
    """Places in the vocabulary, without end."""
    # A linear congruential generator (Knuth's MMIX constants): the upper bits are even enough for picking words.
    state = seed & _MASK
    while True:
        state = (state * 6364136223846793005 + 1442695040888963407) & _MASK
        yield (state >> 33) % len(_TEXTS)


def answer_words(seed: int, tokens: int) -> str:
    """The text of an answer: one word, with a space before it, for each token."""
    indices = word_indices(seed)
    return "".join(_TEXTS[next(indices)] for _ in range(tokens))
