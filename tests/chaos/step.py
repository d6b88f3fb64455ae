"""A step of the protocol, and what holds it up."""

import asyncio
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

__all__ = ["Hold", "Side", "Step"]

Side = Literal["request", "answer"]

_PATIENCE_SECONDS = 40.0


class Step(NamedTuple):
    """A request on its way to the broker, or its answer on the way back; `request` is None when it cannot be read."""

    api: str
    side: Side
    request: Any

    def names(self, topic: str) -> bool:
        """Whether the request is for this topic."""
        topics = getattr(self.request, "topics", None) or ()
        return topic in {entry if isinstance(entry, str) else entry[0] for entry in topics}


class Hold:
    """Holds up one step, the first that it is meant for."""

    def __init__(self, api: str, side: Side, topic: str | None, meant: Callable[[Any], bool]) -> None:
        self._api = api
        self._side = side
        self._topic = topic
        self._meant = meant
        self._reached = asyncio.Event()
        self._passes: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def __repr__(self) -> str:
        return f"Hold({self._api} {self._side}, topic={self._topic}, reached={self._reached.is_set()})"

    @property
    def is_reached(self) -> bool:
        """Whether the step has come."""
        return self._reached.is_set()

    async def reached(self) -> None:
        """Returns when the step is here.

        Raises:
            TimeoutError: it does not come.
        """
        try:
            await asyncio.wait_for(self._reached.wait(), _PATIENCE_SECONDS)
        except TimeoutError as exc:
            raise TimeoutError(f"the step did not come: {self!r}") from exc

    def release(self) -> None:
        """Lets the step pass."""
        self._decide(passes=True)

    def cut(self) -> None:
        """Throws the step away and hangs up on both ends; without effect on a step that was released."""
        self._decide(passes=False)

    def _decide(self, *, passes: bool) -> None:
        if not self._passes.done():
            self._passes.set_result(passes)

    def is_meant(self, step: Step) -> bool:
        """Whether it waits for this step."""
        return (
            not self._reached.is_set()
            and (step.api, step.side) == (self._api, self._side)
            and (self._topic is None or step.names(self._topic))
            and self._meant(step.request)
        )

    async def meet(self) -> bool:
        """The step is here: waits for the decision, and says whether it may pass."""
        self._reached.set()
        return await self._passes
