"""What tests of cancelling share: publishing cancels, and looking at what became of runs and workers."""

import json
from typing import Any

from streamproc.kafka.cancels import Cancels
from streamproc.observe.events import ControlTrouble
from streamproc.records.identity import RunId
from streamproc.records.result import Result
from tests.contract.harness.member import Member
from tests.contract.harness.stage import Stage

__all__ = ["cancel", "ended", "is_cancelled", "is_streaming", "remembered", "troubles"]


async def cancel(stage: Stage, run: RunId | None = None, *, topic: str = "", **fields: Any) -> None:
    """Publishes a cancel of a run, or what the fields say, of the default tenant."""
    named = {} if run is None else {"run_id": str(run)}
    value = json.dumps({"kind": "cancel", "tenant": "default", **named, **fields}).encode()
    await stage.publish(value, topic=topic or stage.settings.topics.control)


async def is_streaming(stage: Stage, *runs: RunId) -> None:
    """Waits until some of each answer is there."""
    await stage.outputs.until(lambda: all(len(stage.outputs.chunks_of(run)) >= 3 for run in runs))


async def ended(stage: Stage, run: RunId) -> Result:
    """The only result of a run, once its offset is committed with it."""
    await stage.outputs.result(run)
    await stage.has_committed(run)
    await stage.outputs.rest()
    return await stage.outputs.result(run)


def is_cancelled(result: Result) -> bool:
    """Whether a result says that the sender cancelled the run, and shows nothing of an answer."""
    assert result.error is not None
    assert (result.error.error_class, result.error.code) == ("Cancelled", "cancelled_by_user")
    assert (result.text, result.chunk_count, result.finish_reason) == (None, 0, None)
    return result.status == "cancelled"


def troubles(member: Member) -> list[str]:
    """Codes of what was not obeyed."""
    return [trouble.code for trouble in member.all(ControlTrouble)]


def remembered(member: Member) -> int:
    """How many cancels a worker knows of."""
    topics: dict[str, Cancels] = dict(member.worker._control._topics)
    return sum(len(cancels) for cancels in topics.values())
