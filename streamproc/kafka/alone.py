"""Alone in the group: a ledger in memory knows only what its own process spends, so nobody else may work beside it."""

from streamproc.chain.clock import Clock
from streamproc.errors import SetupError
from streamproc.kafka.positions import PositionReader
from streamproc.settings.settings import Settings

__all__ = ["until_alone"]

_LOOK_SECONDS = 0.25
_MARGIN_SECONDS = 5.0
"""Beside the session timeout, after which Kafka takes a dead worker out of its group."""


async def until_alone(settings: Settings, clock: Clock) -> None:
    """Returns when the group has no members; one that died is still there until its session ends.

    A process with an instance id does not wait for its own former self, and joins at once.

    Raises:
        SetupError: somebody is in the group and stays there, or Kafka cannot be reached.
    """
    if settings.kafka.instance_id is not None:
        return
    patience = settings.kafka.session_timeout_seconds + _MARGIN_SECONDS
    until = clock.monotonic() + patience
    async with PositionReader.connect(settings) as reader:
        while (state := await reader.group()).members:
            if clock.monotonic() > until:
                raise SetupError(
                    f"group {settings.kafka.group} has {state.members} members, and budgets.ledger is 'memory', which"
                    " counts for one worker alone: stop the others, or give this one a group of its own"
                )
            await clock.sleep(_LOOK_SECONDS)
