"""A provider without a network: it says what a script tells it to say. For tests, demos and trying out settings."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from typing import NamedTuple

from streamproc.chain.call import Call
from streamproc.chain.provider import Completed, Embeddings, Event, Text
from streamproc.errors import IncompleteStream
from streamproc.records.message import Message, TextPart
from streamproc.records.request import Request
from streamproc.records.usage import TokenCounts
from streamproc.records.vector import encode_vector

__all__ = ["Pause", "Script", "Scripted", "Step", "echo"]


class Pause(NamedTuple):
    """Waits."""

    seconds: float


Step = Event | Pause | Exception
"""What a script does next: give an event, wait, or fail with this error."""

Script = Callable[[Call], Iterable[Step]]


class Scripted:
    """Follows the script for each call. A script that ends without `Completed` is a stream that was cut.

    It waits by `sleep`, a clock's or asyncio's. `started` counts calls, `running` those whose events are not all
    taken and that are not closed.
    """

    def __init__(self, name: str, script: Script, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._name = name
        self._script = script
        self._sleep = sleep
        self.started = 0
        self.running = 0

    def __repr__(self) -> str:
        return f"<Scripted {self._name} started={self.started} running={self.running}>"

    @property
    def name(self) -> str:
        """Name in the settings."""
        return self._name

    async def stream(self, call: Call) -> AsyncGenerator[Event, None]:
        """Gives the script's events."""
        self.started += 1
        self.running += 1
        try:
            for step in self._script(call):
                if isinstance(step, Pause):
                    await self._sleep(step.seconds)
                elif isinstance(step, Exception):
                    raise step
                else:
                    yield step
                    if isinstance(step, Completed):
                        return
            raise IncompleteStream(f"{self._name}: the script ended without its end", provider=self._name)
        finally:
            self.running -= 1


def echo(pause_seconds: float = 0.0) -> Script:
    """A script that says the last message, or the text, again, word by word, `pause_seconds` apart.

    A word counts as a token. The embedding of a text is its number of characters and its number of words.
    """

    def script(call: Call) -> Iterator[Step]:
        if call.request.input is not None:
            yield from _embed(call.request.input)
            return
        asked = _asked(call.request)
        words = asked[-1].split()
        said = words[: call.max_output_tokens]
        if call.request.stream:
            for position, word in enumerate(said):
                if pause_seconds > 0:
                    yield Pause(pause_seconds)
                yield Text(f" {word}" if position else word)
        elif said:
            yield Text(" ".join(said))
        usage = TokenCounts(input=sum(len(text.split()) for text in asked), output=len(said))
        yield Completed(usage, "stop" if len(said) == len(words) else "length", call.model)

    return script


def _embed(texts: list[str]) -> Iterator[Step]:
    counts = [len(text.split()) for text in texts]
    yield Embeddings(tuple(encode_vector((len(text), count)) for text, count in zip(texts, counts, strict=True)))
    yield Completed(TokenCounts(input=sum(counts), output=0), "stop")


def _asked(request: Request) -> list[str]:
    if request.messages:
        return [_content(message) for message in request.messages]
    return [request.text or ""]


def _content(message: Message) -> str:
    if message.content is None or isinstance(message.content, str):
        return message.content or ""
    return " ".join(part.text for part in message.content if isinstance(part, TextPart))
