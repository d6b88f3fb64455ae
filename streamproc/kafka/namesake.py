"""The namesake: another process that has joined the group under our static name, and taken our place."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from aiokafka.errors import KafkaError

from streamproc.chain.clock import Clock
from streamproc.errors import SetupError
from streamproc.kafka.membership import Generation, Membership

__all__ = ["Namesake"]

_LOOK_SECONDS = 1.0


class Namesake:
    """Looks for it while we are between two generations of the group; `found` is called with what to end with."""

    def __init__(self, membership: Membership, clock: Clock, found: Callable[[SetupError], None]) -> None:
        self._membership = membership
        self._clock = clock
        self._found = found
        self._looking: asyncio.Task[None] | None = None
        self._is_found = False

    async def look(self, joined: Generation) -> None:
        """Looks once at once, and then goes on until `stop`; does nothing for a member without a static name."""
        if self._membership.instance_id is None:
            return
        await self._look_once(joined)
        self._looking = asyncio.create_task(self._keep_looking(joined), name="namesake")

    def stop(self) -> None:
        """We are a member again, or want to be none."""
        if self._looking is not None:
            self._looking.cancel()

    async def _look_once(self, joined: Generation) -> None:
        with suppress(KafkaError):
            if await self._membership.is_replaced(joined):
                self._is_found = True
                self._found(
                    SetupError(
                        f"another process has joined group {self._membership.group} as kafka.instance_id"
                        f" {self._membership.instance_id}, and has taken this one's place: give each process its own"
                    )
                )

    async def _keep_looking(self, joined: Generation) -> None:
        # Taken while it waits in a join, the name is refused in words that aiokafka does not know.
        while not self._is_found:
            await self._clock.sleep(_LOOK_SECONDS)
            await self._look_once(joined)
