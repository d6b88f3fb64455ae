"""Allowances: what a provider says is left of its limits, carried on until it says so again. Pure.

Beside an answer, OpenAI and Anthropic tell a limit, what remains of it, and in how long it will be whole again. Their
limits are buckets that fill steadily, so this is all there is to know of one: its size, its rate and its level.

A word is a little old when it comes, and calls pass each other on their way. So it bounds the level from both sides: it
is at least what the provider says was used, with what began since the newest call that was answered; and at most that
with all that the provider may not have seen: calls that began since, and earlier ones that nothing was heard of.
"""

from collections.abc import Sequence
from typing import NamedTuple

from streamproc.chain.gcra import empty_after
from streamproc.chain.line import Place, Taken, calls_of, tokens_of

__all__ = ["Allowance", "Allowances", "Left", "Mark", "Remaining"]

_SECONDS = 60.0
_NOTHING_SECONDS = 1e-6


class Remaining(NamedTuple):
    """What is left of a limit, which is whole again in so many seconds; a `limit` of None was not told."""

    limit: float | None
    remaining: float
    whole_in_seconds: float


class Left(NamedTuple):
    """What an answer says is left, of the requests and of the tokens; None where it says nothing."""

    requests: Remaining | None
    tokens: Remaining | None


class Mark(NamedTuple):
    """A call's place among all calls: how many had begun with it, and with how many tokens together."""

    calls: int
    tokens: int


class Unseen(NamedTuple):
    """What a provider may not have counted when it spoke: begun since its call, and earlier but not heard of."""

    since: float
    before: float


class Allowance:
    """One limit of a provider, as far as it is known. Times are monotonic seconds."""

    __slots__ = ("_at", "_level", "_limit", "_patience_seconds", "_seconds_each", "_told_at")

    def __init__(self, patience_seconds: float) -> None:
        """What was said longer ago than `patience_seconds` is not believed any more."""
        self._patience_seconds = patience_seconds
        self._limit: float | None = None
        self._level = self._at = self._told_at = 0.0
        self._seconds_each = 1.0

    def wait_seconds(self, amount: float, now: float, before: Taken = ()) -> float:
        """How long until so much may be let in behind what others take; 0 is now, and where nothing is known."""
        if self._limit is None:
            return 0.0
        believed = self._told_at + self._patience_seconds - now
        if believed <= 0.0:
            self._limit = None
            return 0.0
        each = self._seconds_each
        empty_at = empty_after(now + self._flowed(now) * each, now, before, each)
        wait = empty_at - now - (self._limit - min(amount, self._limit)) * each
        return min(wait, believed) if wait > _NOTHING_SECONDS else 0.0

    def take(self, amount: float, now: float) -> None:
        """Lets in so much."""
        if self._limit is not None:
            self._level = self._flowed(now) + amount

    def told(self, said: Remaining, unseen: Unseen, now: float, *, is_newest: bool) -> None:
        """The provider says so. `is_newest`: beside the answer of the newest call that was answered."""
        limit = said.limit or 0.0
        used = max(limit - said.remaining, 0.0)
        level = self._flowed(now)
        most = used + unseen.since + unseen.before
        least = used + (unseen.since if is_newest else 0.0)
        self._level = most if self._limit is None else max(min(level, most), least)
        self._limit, self._told_at = limit, now
        # What remains is told in whole numbers, so a rate made of it may be too high. Limits are for minutes or more.
        self._seconds_each = max(_SECONDS / limit, said.whole_in_seconds / used if used else 0.0)

    def _flowed(self, now: float) -> float:
        level, self._at = self._level - (now - self._at) / self._seconds_each, now
        self._level = max(level, 0.0)
        return self._level


class Allowances:
    """Requests and tokens of one credential with one model. Most providers never tell of a limit (`is_told`)."""

    __slots__ = ("_calls", "_newest", "_requests", "_tokens", "_tokens_begun", "_unheard", "is_told")

    def __init__(self, patience_seconds: float) -> None:
        self._requests, self._tokens = Allowance(patience_seconds), Allowance(patience_seconds)
        self._calls = self._tokens_begun = self._newest = 0
        self.is_told = False
        self._unheard: dict[int, int] = {}  # tokens of calls that nothing was heard of, in the order of their begin

    def wait_seconds(self, tokens: int, now: float, before: Sequence[Place] = ()) -> tuple[float, float]:
        """How long until a call of so many tokens may be let in, for its request and for its tokens."""
        requests = self._requests.wait_seconds(1, now, calls_of(before))
        return requests, self._tokens.wait_seconds(tokens, now, tokens_of(before))

    def enter(self, tokens: int, now: float) -> Mark:
        """A call begins."""
        self._calls += 1
        self._tokens_begun += tokens
        self._unheard[self._calls] = tokens
        if self.is_told:
            self._requests.take(1, now)
            self._tokens.take(tokens, now)
        return Mark(self._calls, self._tokens_begun)

    def leave(self, mark: Mark) -> None:
        """A call is over."""
        self._unheard.pop(mark.calls, None)

    def told(self, left: Left, mark: Mark, now: float) -> float | None:
        """The provider says so beside an answer. Gives seconds to pause, where nothing is left of an unknown limit."""
        self.leave(mark)
        is_newest = mark.calls >= self._newest
        self._newest = max(self._newest, mark.calls)
        if left.requests is None and left.tokens is None:
            return None
        requests, tokens = self._unseen(mark)
        pause: float | None = None
        for allowance, said, unseen in (
            (self._requests, left.requests, requests),
            (self._tokens, left.tokens, tokens),
        ):
            if said is not None and said.limit:
                self.is_told = True
                allowance.told(said, unseen, now, is_newest=is_newest)
            elif said is not None and not said.remaining:
                pause = max(pause or 0.0, said.whole_in_seconds)
        return pause

    def _unseen(self, mark: Mark) -> tuple[Unseen, Unseen]:
        calls = tokens = 0
        for call, amount in self._unheard.items():
            if call > mark.calls:
                break
            calls += 1
            tokens += amount
        return (
            Unseen(self._calls - mark.calls, calls),
            Unseen(self._tokens_begun - mark.tokens, tokens),
        )
