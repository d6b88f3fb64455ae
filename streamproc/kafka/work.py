"""The work: what the consumer does with a record, without knowing of chains and providers."""

from typing import Protocol

from streamproc.chain.permit import NotBefore
from streamproc.chain.run import Incoming, Run, Terminal
from streamproc.records.outgoing import Outgoing

__all__ = ["Work"]


class Work(Protocol):
    """What is done with a record. The processor is the real one."""

    def accept(self, incoming: Incoming) -> Run | Terminal:
        """A valid request's run, or at once what a record that is none leaves behind."""
        ...

    def renew(self, run: Run) -> bool:
        """Looks anew what the run waits for, where that changes with time; says whether it is something else now."""
        ...

    def admit(self, run: Run) -> NotBefore | None:
        """Takes, without waiting, the permit for the run's first call; or says why there is none now."""
        ...

    async def process(self, run: Run) -> Terminal:
        """Does the work.

        Raises:
            NotNow: `run.not_before` says when to come back.
        """
        ...

    def expire(self, run: Run) -> Terminal:
        """What a run leaves behind whose deadline passed while it waited."""
        ...

    def cancel(self, run: Run) -> Terminal:
        """What a run leaves behind that its sender cancelled."""
        ...

    def defer(self, run: Run) -> Terminal | None:
        """What a run leaves behind that is to be read again later; None when that cannot be."""
        ...

    def abandon(self, run: Run) -> tuple[Outgoing, ...]:
        """Usage of a run that was cut off and will run again elsewhere."""
        ...
