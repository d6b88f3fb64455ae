"""Limited: each call goes to a credential that has leave to call now. It never waits.

A run's first call has its permit from the dispatch; a further one takes its own here, or the run goes back to wait
without a slot. What became of a call the layer around the real one says, so this layer costs nothing for each token.
"""

from collections.abc import AsyncGenerator, Mapping
from math import ceil

from streamproc.chain.admission import Admission
from streamproc.chain.call import Call
from streamproc.chain.permit import Ask, NotBefore
from streamproc.chain.provider import Event, Provider
from streamproc.errors import NotNow
from streamproc.records.request import Request

__all__ = ["Limited", "ask_for"]

_BYTES_PER_TOKEN = 4


def ask_for(
    request: Request, model: str, tenant: str, size_bytes: int, max_output_tokens: int, queue: str | None = None
) -> Ask:
    """What a call may use, as providers reckon it at its start: the prompt by its size, the most it may answer.

    `queue` is where it waits, if it can.
    """
    answer = 0 if request.input is not None else max_output_tokens
    return Ask(model, tenant, ceil(size_bytes / _BYTES_PER_TOKEN) + answer, queue)


class Limited:
    """A provider with one or more credentials."""

    def __init__(self, name: str, credentials: Mapping[str, Provider], admission: Admission) -> None:
        """`name` is the provider's in the settings; `admission` is that of the same credentials."""
        self.name = name
        self._credentials = credentials
        self._admission = admission

    def stream(self, call: Call) -> AsyncGenerator[Event, None]:
        """The events of the credential that takes the call.

        Raises:
            NotNow: none takes it now; at once, before the first event is asked for.
        """
        progress = call.progress
        permit = progress.permit
        if permit is None:
            verdict = self._admission.admit(
                ask_for(call.request, call.model, call.tenant, call.prompt_bytes, call.max_output_tokens)
            )
            if isinstance(verdict, NotBefore):
                raise NotNow(
                    f"{self.name} takes no call to {call.model} now ({verdict.reason})",
                    code="no_permit",
                    retry_after_seconds=verdict.seconds,
                )
            progress.permit = permit = verdict
        return self._credentials[permit.credential].stream(call)
