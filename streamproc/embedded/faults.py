"""Faults on request: what a test or a curious reader wants to go wrong, per API and partition.

A fault is taken when a request meets it. A delay and a dropped reply concern the whole request; an error code stands in
the answer for the partition it names, or for the whole answer where the API knows no partitions.
"""

from dataclasses import dataclass

from streamproc.embedded.codes import Code

__all__ = ["Fault", "Faults"]


@dataclass(slots=True)
class Fault:
    """One thing to go wrong.

    Attributes:
        api: name of the API, as `apis.SERVED` has it: `Produce`, `EndTxn` …
        topic, partition: only for this one; None is any.
        error: answer with this code, and do nothing else.
        delay_seconds: wait before the request is looked at.
        drop: `before` closes the connection and does nothing; `after` does everything and closes it instead of
            answering.
        times: how many requests meet it; None is all, until it is removed.
    """

    api: str
    topic: str | None = None
    partition: int | None = None
    error: Code | None = None
    delay_seconds: float = 0.0
    drop: str | None = None
    times: int | None = 1
    met: int = 0

    def _is_used_up(self) -> bool:
        return self.times is not None and self.met >= self.times


class Faults:
    """The faults that wait for their request. Changed from the thread of the broker's event loop only."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        """Has the fault wait for its requests; its `met` tells how many met it."""
        self._waiting.append(fault)
        return fault

    def remove(self, fault: Fault) -> None:
        """Forgets a fault; one that is not there is fine."""
        self._waiting = [known for known in self._waiting if known is not fault]

    def of_request(self, api: str) -> Fault | None:
        """The delay or drop that a request of this API meets, if any."""
        return self._meet([fault for fault in self._waiting if fault.api == api and fault.error is None])

    def code(self, api: str, topic: str | None = None, partition: int | None = None) -> Code | None:
        """The error code for this partition of a request, or for the whole request, if any."""
        return (
            fault.error
            if (
                fault := self._meet(
                    [
                        fault
                        for fault in self._waiting
                        if fault.api == api
                        and fault.error is not None
                        and fault.topic in {None, topic}
                        and fault.partition in {None, partition}
                    ]
                )
            )
            else None
        )

    def _meet(self, candidates: list[Fault]) -> Fault | None:
        if not candidates:
            return None
        fault = candidates[0]
        fault.met += 1
        self._waiting = [known for known in self._waiting if not known._is_used_up()]  # noqa: SLF001 its own list
        return fault
