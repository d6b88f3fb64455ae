"""A flight: a call that equal runs of this process follow while it is made, so that it is made and paid once.

One run is the payer: it makes the call and adds what comes. Any number of followers read what came so far, and then
what comes, each at its own pace and without holding up the payer. When the payer is gone, they are told so.
"""

from collections.abc import AsyncGenerator, Callable
from typing import Literal, NamedTuple, Protocol

from streamproc.chain.call import Progress
from streamproc.chain.provider import Completed, Embeddings, Event, Reasoning, Restarted, Text, ToolCallPart
from streamproc.errors import AnswerCut, ProviderError
from streamproc.records.usage import CacheState, Saved, TokenCounts

__all__ = ["Bought", "End", "Flight", "Signal"]


class Signal(Protocol):
    """Wakes who waits, once. asyncio's `Event` is one."""

    def set(self) -> None:
        """Wakes all, and lets nobody wait any more."""
        ...

    async def wait(self) -> object:
        """Returns after `set`."""
        ...


class Bought(NamedTuple):
    """The end of a flight whose answer is complete: its last event, and what the call used and cost that made it.

    `state` is what a run that follows has of it.
    """

    completed: Completed
    tokens: TokenCounts
    nanos: int | None
    state: CacheState = "coalesced"

    @property
    def saved(self) -> Saved:
        """What it saves each run that follows."""
        return Saved(state=self.state, tokens=self.tokens, nanos=self.nanos)


End = Bought | ProviderError | AnswerCut | Literal["gone"]
"""An answer, the provider's fault that every run ends or waits by, or the payer gave up for a reason of its own."""


class Flight:
    """What came so far, and whether it is over.

    Attributes:
        events: of the present try; a new try has a new list.
        voided: why the try before was given up.
        end: None as long as it goes on.
        followers: runs that read it, beside the payer.
    """

    def __init__(self, new_signal: Callable[[], Signal], max_characters: int) -> None:
        """An answer longer than `max_characters` is not kept for those who come later."""
        self._new_signal = new_signal
        self._signal: Signal | None = None  # there as long as somebody waits: mostly nobody follows
        self._max_characters = self._room = max_characters
        self.events: list[Event] = []
        self.voided = ""
        self.end: End | None = None
        self.followers = 0

    def __repr__(self) -> str:
        return f"Flight(events={len(self.events)}, followers={self.followers}, room={self._room})"

    @property
    def is_whole(self) -> bool:
        """Whether everything that came of this try is kept, so that one more run may follow."""
        return self._room >= 0

    def add(self, event: Event) -> None:
        """Something came. `Restarted` voids what came before it: the call is made once more."""
        if type(event) is Restarted:
            self._void(event.reason)
            return
        # One more for each event: those without a text have an end, too.
        self._room -= 1 + (len(event.text) if type(event) is Text else _characters(event))
        if self._room < 0 and not self.followers:
            self.events.clear()
            return
        self.events.append(event)
        if self._signal is not None:
            self._wake()

    def _void(self, reason: str) -> None:
        self.events = []
        self._room = self._max_characters
        self.voided = reason
        self._wake()

    def close(self, end: End) -> None:
        """It is over. A second end changes nothing."""
        if self.end is None:
            self.end = end
            self._wake()

    async def follow(self, progress: Progress) -> AsyncGenerator[Event, None]:
        """What came so far and what comes, up to the end, without it; a new try is a new attempt of who follows."""
        self.followers += 1
        try:
            events, position = self.events, 0
            while True:
                if self.events is not events:
                    if position:
                        yield Restarted(progress.restart(), self.voided)
                    events, position = self.events, 0
                elif position < len(events):
                    position += 1
                    yield events[position - 1]
                elif self.end is None:
                    self._signal = self._signal or self._new_signal()
                    await self._signal.wait()
                else:
                    return
        finally:
            self.followers -= 1

    def _wake(self) -> None:
        if self._signal is not None:
            self._signal.set()
            self._signal = None


def _characters(event: Event) -> int:
    match event:
        case Reasoning(text, signature, redacted):
            return len(text) + len(signature or "") + len(redacted or "")
        case ToolCallPart():
            return len(event.arguments) + len(event.name or "") + len(event.id or "")
        case Embeddings(vectors):
            return sum(map(len, vectors))
        case _:
            return 0
