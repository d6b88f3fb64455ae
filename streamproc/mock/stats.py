"""The mock provider's own bill: what it was asked, what it served, and how each call ended.

At any time `requests` is the sum of completed, cut, cancelled, errors and running. Tokens of cut and cancelled answers
count as far as they were written; an error has none. Reading includes the calls that are still running.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from streamproc.mock.asked import Asked

__all__ = ["Call", "OpenCall", "Outcome", "Stats"]

Outcome = Literal["completed", "cut", "cancelled"]


@dataclass(frozen=True, slots=True)
class Call:
    """A call that ended. `outcome` is completed, cut, cancelled, or an error's code; unread fields are None.

    `client_request_id` is the caller's own name for the call, from the header `X-Client-Request-Id`; None without it.
    """

    id: str
    model: str | None
    input_tokens: int
    output_tokens: int
    outcome: str
    request_hash: str | None
    client_request_id: str | None = None


@dataclass(slots=True, eq=False)
class OpenCall:
    """A call that is being answered; whoever writes tokens raises `output_tokens`."""

    id: str
    asked: Asked
    client_request_id: str | None
    _ended: Callable[["OpenCall", Outcome], None]
    output_tokens: int = 0

    def end(self, outcome: Outcome) -> None:
        """The answer ended; a second end is none."""
        self._ended(self, outcome)


class Stats:
    """Counts calls from `begin` or `refuse` on. `keep_calls` bounds the list of ended calls."""

    def __init__(self, keep_calls: int) -> None:
        self._calls: deque[Call] = deque(maxlen=keep_calls)
        self._open: set[OpenCall] = set()
        self._outcomes: Counter[str] = Counter()
        self._errors: Counter[str] = Counter()
        self._tokens: dict[str, Counter[str]] = {}

    def begin(self, call_id: str, asked: Asked, client_request_id: str | None) -> OpenCall:
        """An answer begins."""
        call = OpenCall(call_id, asked, client_request_id, self._end)
        self._open.add(call)
        return call

    def _end(self, call: OpenCall, outcome: Outcome) -> None:
        if call not in self._open:
            return
        self._open.remove(call)
        self._outcomes[outcome] += 1
        _add(self._tokens, call)
        asked, name = call.asked, call.client_request_id
        self._calls.append(
            Call(call.id, asked.model, asked.input_tokens, call.output_tokens, outcome, asked.request_hash, name)
        )

    def refuse(self, call_id: str, code: str, asked: Asked | None, client_request_id: str | None) -> None:
        """A call got an error instead of an answer; `asked` is None when it could not be read."""
        self._errors[code] += 1
        model, request_hash = (asked.model, asked.request_hash) if asked else (None, None)
        self._calls.append(Call(call_id, model, 0, 0, code, request_hash, client_request_id))

    def reset(self) -> None:
        """Forgets all calls that ended; the running ones are counted when they end."""
        self._calls.clear()
        self._outcomes.clear()
        self._errors.clear()
        self._tokens.clear()

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls that ended, oldest first."""
        return tuple(self._calls)

    def snapshot(self, *, with_calls: bool = False) -> dict[str, Any]:
        """The figures as plain values for JSON."""
        tokens = {model: Counter(counts) for model, counts in self._tokens.items()}
        for call in self._open:
            _add(tokens, call)
        figures: dict[str, Any] = {
            "requests": self._outcomes.total() + self._errors.total() + len(self._open),
            "running": len(self._open),
            "completed": self._outcomes["completed"],
            "cut": self._outcomes["cut"],
            "cancelled": self._outcomes["cancelled"],
            "errors": dict(self._errors),
            "input_tokens": _total(tokens.values(), "input_tokens"),
            "output_tokens": _total(tokens.values(), "output_tokens"),
            "models": {model: dict(counts) for model, counts in tokens.items()},
        }
        if with_calls:
            figures["calls"] = [asdict(call) for call in self._calls]
        return figures


def _add(tokens: dict[str, Counter[str]], call: OpenCall) -> None:
    counts = tokens.setdefault(call.asked.model, Counter())
    counts.update(calls=1, input_tokens=call.asked.input_tokens, output_tokens=call.output_tokens)


def _total(counts: Iterable[Counter[str]], name: str) -> int:
    return sum(count[name] for count in counts)
