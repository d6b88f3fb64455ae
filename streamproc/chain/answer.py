"""The answer: the fold of a call's events. A complete answer and a stream are the same events, added up."""

from dataclasses import dataclass, field

from streamproc.chain.provider import Completed, Embeddings, Event, Reasoning, Restarted, Text, ToolCallPart
from streamproc.errors import AnswerTooLong, IncompleteStream
from streamproc.records.result import ResultReasoning, ResultToolCall

__all__ = ["Answer"]

_MAX_NAME_CHARACTERS = 1024
"""Real ones have at most 64; a longer one could pass the record limit, because names are not cut into parts."""

_MOST_TOOL_CALLS = 128
_MOST_REASONING_PARTS = 128
_MAX_VECTOR_CHARACTERS = 43_692
"""Of 8,192 numbers; real vectors have at most half of that. Vectors are not cut into parts either."""


@dataclass(slots=True)
class _ToolCall:
    id: str | None = None
    name: str = ""
    arguments: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _ReasoningPart:
    texts: list[str] = field(default_factory=list)
    signature: str | None = None
    redacted: str | None = None

    @property
    def is_open(self) -> bool:
        return self.signature is None and self.redacted is None


class Answer:
    """What has come of one answer so far. `Restarted` empties it; `Completed` ends it."""

    __slots__ = ("_reasoning", "_size", "_text", "_tools", "_vectors", "completed", "max_characters", "provider")

    def __init__(self, provider: str, max_characters: int) -> None:
        self.provider = provider
        self.max_characters = max_characters
        self._clear()

    def _clear(self) -> None:
        self._text: list[str] = []
        self._reasoning: list[_ReasoningPart] = []
        self._vectors: list[str] = []
        self._tools: dict[int, _ToolCall] = {}
        self._size = 0
        self.completed: Completed | None = None

    def add(self, event: Event) -> None:
        """Takes one event.

        Raises:
            AnswerTooLong: the answer is longer than the settings allow.
        """
        kind = type(event)
        if kind is Text:
            self._text.append(event.text)  # type: ignore[union-attr] # `kind` is the type test, once per token
            self._size += len(event.text)  # type: ignore[union-attr] # the same
        elif isinstance(event, Reasoning):
            self._add_reasoning(event)
        elif isinstance(event, ToolCallPart):
            call = self._tools.setdefault(event.index, _ToolCall())
            if len(self._tools) > _MOST_TOOL_CALLS:
                raise AnswerTooLong(f"the answer has more than {_MOST_TOOL_CALLS} tool calls")
            call.id = event.id or call.id
            call.name = event.name or call.name
            call.arguments.append(event.arguments)
            self._size += len(event.arguments)
            if len(call.name) > _MAX_NAME_CHARACTERS or len(call.id or "") > _MAX_NAME_CHARACTERS:
                raise AnswerTooLong(f"the name or the id of a tool call passed {_MAX_NAME_CHARACTERS} characters")
        elif isinstance(event, Embeddings):
            self._add_vectors(event.vectors)
        elif isinstance(event, Restarted):
            self._clear()
        elif isinstance(event, Completed):
            self.completed = event
        if self._size > self.max_characters:
            raise AnswerTooLong(f"the answer passed {self.max_characters} characters (limits.max_answer_characters)")

    def _add_reasoning(self, event: Reasoning) -> None:
        if not self._reasoning or not self._reasoning[-1].is_open or event.redacted is not None:
            self._reasoning.append(_ReasoningPart())
            if len(self._reasoning) > _MOST_REASONING_PARTS:
                raise AnswerTooLong(f"the answer has more than {_MOST_REASONING_PARTS} parts of reasoning")
        part = self._reasoning[-1]
        part.texts.append(event.text)
        part.signature, part.redacted = event.signature, event.redacted
        self._size += len(event.text) + len(event.signature or "") + len(event.redacted or "")

    def _add_vectors(self, vectors: tuple[str, ...]) -> None:
        self._vectors += vectors
        self._size += sum(map(len, vectors))
        if any(len(vector) > _MAX_VECTOR_CHARACTERS for vector in vectors):
            raise AnswerTooLong(f"a vector of the answer passed {_MAX_VECTOR_CHARACTERS} characters")

    def finished(self) -> Completed:
        """The end of the answer.

        Raises:
            IncompleteStream: the events ended without it.
        """
        if self.completed is None:
            raise IncompleteStream("the events ended without the end of the answer", provider=self.provider)
        return self.completed

    @property
    def text(self) -> str:
        """All text so far."""
        return "".join(self._text)

    @property
    def reasoning(self) -> str:
        """The text of all reasoning so far."""
        return "".join([text for part in self._reasoning for text in part.texts])

    @property
    def reasoning_parts(self) -> list[ResultReasoning]:
        """Reasoning so far as the provider wants it back; empty where it neither signs nor redacts any."""
        if all(part.is_open for part in self._reasoning):
            return []
        return [
            ResultReasoning(redacted=part.redacted)
            if part.redacted is not None
            else ResultReasoning(text="".join(part.texts), signature=part.signature)
            for part in self._reasoning
        ]

    @property
    def embeddings(self) -> list[str]:
        """Vectors so far, as text."""
        return self._vectors

    @property
    def tool_call_parts(self) -> list[ToolCallPart]:
        """Tool calls so far, each as one part under its own index."""
        return [
            ToolCallPart(index, call.id, call.name, "".join(call.arguments))
            for index, call in sorted(self._tools.items())
        ]

    @property
    def tool_calls(self) -> list[ResultToolCall]:
        """Tool calls so far, in the order of their index."""
        return [
            ResultToolCall(id=call.id, name=call.name, arguments="".join(call.arguments))
            for _, call in sorted(self._tools.items())
        ]
