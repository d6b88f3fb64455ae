"""Every call is accounted for: the provider's list of calls, the journal's notes and the bills, side by side."""

from collections import Counter

from streamproc.mock.server import MockServer
from streamproc.records.journal import CallEnded, CallStarted
from tests.contract.harness.outputs import Outputs
from tests.contract.harness.waiting import eventually

__all__ = ["accounted", "billed", "open_calls", "served"]


async def served(mock: MockServer) -> set[str]:
    """Usage ids of all calls that reached the provider, once none of them runs any more; each reached it once."""
    await eventually(lambda: mock.stats.snapshot()["running"] == 0)
    names = [call.client_request_id or "" for call in mock.stats.calls]
    assert len(set(names)) == len(names)
    return set(names)


def billed(outputs: Outputs, *bases: str) -> set[str]:
    """Usage ids of the bills read so far, of these bases or of all; each is there once."""
    counts = Counter(line.usage_id for line in outputs.usage)
    assert set(counts.values()) <= {1}, [usage_id for usage_id, count in counts.items() if count > 1]
    return {line.usage_id for line in outputs.usage if not bases or line.basis in bases}


async def accounted(mock: MockServer, outputs: Outputs) -> set[str]:
    """Usage ids of all calls that reached the provider, once each of them has its bill.

    Kafka shows what a transaction stored a moment after the worker was told that it is.
    """
    calls = await served(mock)
    await outputs.until(lambda: calls <= billed(outputs))
    await outputs.rest()
    return calls


def open_calls(outputs: Outputs) -> set[str]:
    """Usage ids of the calls that began, by the notes read so far, and of which nobody said how they ended."""
    ended = {note.usage_id for note in outputs.notes if isinstance(note, CallEnded)}
    return {note.line.usage_id for note in outputs.notes if isinstance(note, CallStarted)} - ended
