"""What the model of `llama_model` says. Apart from it, since the packages that write the model are large, or missing."""

__all__ = ["WORDS", "answer"]

WORDS = 24
"""Tokens of a finished answer, its end mark not counted."""


def answer(sentence: int, words: int = WORDS) -> str:
    """What the model says to a prompt that ends in the digit `sentence`, as its first `words` tokens."""
    return " ".join(f"{sentence}.{word + 1}" for word in range(words))
