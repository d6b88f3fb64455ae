"""Leave to call, as a run asks for it before it has a slot."""

from typing import Protocol

from streamproc.chain.permit import NotBefore
from streamproc.chain.plan import Asked, Plan
from streamproc.chain.run import Run

__all__ = ["Leave"]


class Leave(Protocol):
    """Which models a run asks, and whether it may call one of them now. Nothing of it waits."""

    def plan(self, asked: Asked) -> Plan:
        """The models that may answer a request.

        Raises:
            InvalidRequest: none may.
        """
        ...

    def is_answered(self, run: Run) -> bool:
        """Whether its answer is here already, at this moment."""
        ...

    def renew(self, run: Run) -> bool:
        """Looks anew at what may have changed while a run waited; says whether it now waits for something else."""
        ...

    def admit(self, run: Run) -> NotBefore | None:
        """Takes what the run needs for its first call; or says for how long there is none."""
        ...
