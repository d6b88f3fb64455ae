"""The mock provider's own bill: what it was asked, what it served, and how each call ended.

At any time `requests` is the sum of completed, cut, cancelled, errors and running. Tokens of cut and cancelled answers
count as far as they were written; an error has none. Reading includes the calls that are still running.
"""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from streamproc.mock.answer import Answer
from streamproc.mock.asked import Asked

__all__ = ["Call", "OpenCall", "Outcome", "Stats"]

Outcome = Literal["completed", "cut", "cancelled"]

Tokens = dict[str, Counter[str]]

_COUNTED = ("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens")


@dataclass(frozen=True, slots=True)
class Call:
    """A call that ended; what could not be read is None.

    Attributes:
        id: the call's name in the answer.
        model: as it was asked for.
        input_tokens: all of the input, with what the cache read and wrote.
        output_tokens: all of the output, with the reasoning.
        outcome: completed, cut (the server ended it before its end), cancelled (the client did), or an error's code.
        request_hash: sha256 of the body.
        client_request_id: the caller's own name for the call, from the header `X-Client-Request-Id`.
        shape: name of the API shape.
        fault: what was shown on purpose, as a model's name would ask for it.
        cached_tokens: the part of the input that the cache read.
        cache_write_tokens: the part of it that was written to the cache.
        reasoning_tokens: the part of the output that was reasoning.
    """

    id: str
    model: str | None
    input_tokens: int
    output_tokens: int
    outcome: str
    request_hash: str | None
    client_request_id: str | None = None
    shape: str | None = None
    fault: str | None = None
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0


@dataclass(slots=True, eq=False)
class OpenCall:
    """A call that is being answered; whoever writes tokens raises `output_tokens`."""

    answer: Answer
    asked: Asked
    fault: str | None
    client_request_id: str | None
    _ended: Callable[["OpenCall", Outcome], None]
    output_tokens: int = 0

    def end(self, outcome: Outcome) -> None:
        """The answer ended; a second end is none."""
        self._ended(self, outcome)

    def so_far(self, outcome: str) -> Call:
        """The line of the bill, if it ended now."""
        asked = self.asked
        usage = self.answer.usage(0)
        return Call(
            id=self.answer.id,
            model=asked.model,
            input_tokens=usage.input,
            output_tokens=self.output_tokens,
            outcome=outcome,
            request_hash=asked.request_hash,
            client_request_id=self.client_request_id,
            shape=asked.shape,
            fault=self.fault,
            cached_tokens=usage.cached,
            cache_write_tokens=usage.cache_write,
            reasoning_tokens=min(usage.reasoning, self.output_tokens),
        )


class Stats:
    """Counts calls from `begin` or `refuse` on. `keep_calls` bounds the list of ended calls."""

    def __init__(self, keep_calls: int) -> None:
        self._calls: deque[Call] = deque(maxlen=keep_calls)
        self._open: set[OpenCall] = set()
        self._outcomes: Counter[str] = Counter()
        self._errors: Counter[str] = Counter()
        self._faults: Counter[str] = Counter()
        self._models: Tokens = {}
        self._shapes: Tokens = {}

    def begin(self, answer: Answer, asked: Asked, fault: str | None, client_request_id: str | None) -> OpenCall:
        """An answer begins."""
        call = OpenCall(answer, asked, fault, client_request_id, self._end)
        self._open.add(call)
        return call

    def _end(self, call: OpenCall, outcome: Outcome) -> None:
        if call not in self._open:
            return
        self._open.remove(call)
        ended = call.so_far(outcome)
        self._outcomes[outcome] += 1
        _add(self._models, self._shapes, ended)
        self._keep(ended)

    def refuse(
        self, call_id: str, code: str, shape: str | None, asked: Asked | None, fault: str | None, name: str | None
    ) -> None:
        """A call got an error instead of an answer.

        Args:
            call_id: its name in the answer.
            code: of the error.
            shape: name of the API shape; None when the path speaks none.
            asked: None when it could not be read.
            fault: that was shown on purpose, or None.
            name: the caller's own name for the call, or None.
        """
        self._errors[code] += 1
        model, request_hash = (asked.model, asked.request_hash) if asked else (None, None)
        self._keep(Call(call_id, model, 0, 0, code, request_hash, name, shape, fault))

    def _keep(self, call: Call) -> None:
        self._calls.append(call)
        if call.fault is not None:
            self._faults[call.fault] += 1

    def reset(self) -> None:
        """Forgets all calls that ended; the running ones are counted when they end."""
        for kept in (self._calls, self._outcomes, self._errors, self._faults, self._models, self._shapes):
            kept.clear()

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls that ended, oldest first."""
        return tuple(self._calls)

    def snapshot(self, *, with_calls: bool = False) -> dict[str, Any]:
        """The figures as plain values for JSON."""
        models, shapes = _copied(self._models), _copied(self._shapes)
        for call in self._open:
            _add(models, shapes, call.so_far("running"))
        figures: dict[str, Any] = {
            "requests": self._outcomes.total() + self._errors.total() + len(self._open),
            "running": len(self._open),
            "completed": self._outcomes["completed"],
            "cut": self._outcomes["cut"],
            "cancelled": self._outcomes["cancelled"],
            "errors": dict(self._errors),
            "faults": dict(self._faults),
            **{name: sum(counts[name] for counts in models.values()) for name in _COUNTED},
            "models": {model: dict(counts) for model, counts in models.items()},
            "shapes": {shape: dict(counts) for shape, counts in shapes.items()},
        }
        if with_calls:
            figures["calls"] = [asdict(call) for call in self._calls]
        return figures


def _copied(tokens: Tokens) -> Tokens:
    return {name: Counter(counts) for name, counts in tokens.items()}


def _add(models: Tokens, shapes: Tokens, call: Call) -> None:
    counted = {name: getattr(call, name) for name in _COUNTED}
    for tokens, place in ((models, call.model), (shapes, call.shape)):
        tokens.setdefault(str(place), Counter()).update(calls=1, **counted)
