"""Lost calls: those of former owners that nobody has billed. Whoever owns the partition now writes their bills.

A former owner may have published a bill without learning of it: so the usage topic is asked first. A call that has not
ended is given its time: its owner may be alive, and only cut off.
"""

from collections.abc import Iterable

from aiokafka.errors import KafkaError

from streamproc.chain.clock import Clock
from streamproc.kafka.assignment import Assignment
from streamproc.kafka.inherited import Inherited, InheritedCall
from streamproc.kafka.journals import Journals
from streamproc.observe.events import CallLost, JournalTrouble, Observer
from streamproc.records.terminal import usage_record

__all__ = ["bill_lost_calls", "due_calls"]

_LOOK_SECONDS = 5.0
_SHORTEST_SECONDS = 0.2


def due_calls(inherited: Inherited, now_ms: int, call_ms: int) -> dict[str, InheritedCall]:
    """Calls whose bill is to be written now: they have ended, or no call takes so long.

    Those of a run whose answer is there wait: the answer takes its bills along.
    """
    answered = inherited.answered
    return {
        usage_id: call
        for usage_id, call in inherited.unbilled.items()
        if usage_id not in answered and (call.has_ended or now_ms >= call.timestamp_ms + call_ms)
    }


def _wait_seconds(calls: Iterable[InheritedCall], now_ms: int, call_ms: int) -> float:
    due_ms = min((call.timestamp_ms + call_ms for call in calls), default=now_ms)
    return min(max((due_ms - now_ms) / 1000, _SHORTEST_SECONDS), _LOOK_SECONDS)


async def bill_lost_calls(
    assignment: Assignment, journals: Journals, call_seconds: float, clock: Clock, observer: Observer
) -> None:
    """Returns when every call of former owners has its usage line; no call takes longer than `call_seconds`."""
    inherited, key = assignment.inherited, assignment.key
    call_ms = int(call_seconds * 1000)
    while inherited.unbilled:
        now_ms = int(clock.time() * 1000)
        try:
            assignment.inherited_to = await journals.read(key, assignment.owner, assignment.inherited_to, inherited)
            due = due_calls(inherited, now_ms, call_ms)
            due = {usage_id: call for usage_id, call in due.items() if usage_id not in assignment.lost}
            if due:
                inherited.resolve(await journals.published(key.partition, due))
            lines = {usage_id: call.line for usage_id, call in due.items() if usage_id in inherited.unbilled}
            for usage_id, line in lines.items():
                if line is not None:
                    observer.saw(CallLost(line))
                    journals.bill(line)
                    assignment.bill_lost(usage_id, usage_record(line, None))
        except KafkaError as exc:
            where = f"{key.topic}/{key.partition}"
            observer.saw(JournalTrouble(key.topic, f"cannot look for lost calls of {where}: {exc!r}"))
        await clock.sleep(_wait_seconds(inherited.unbilled.values(), now_ms, call_ms))
