"""A ledger with what keeps it true to Kafka: this is the one in memory, and `kept_redis` has the one in Redis."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from streamproc.chain.clock import Clock
from streamproc.kafka.alone import until_alone
from streamproc.kafka.rebuild import Rebuild
from streamproc.kafka.usage_feed import Unreadable, UsageFeed
from streamproc.money.configured import configured_caps
from streamproc.money.ledger import Crossed, Ledger, Standing
from streamproc.money.ledger_memory import MemoryLedger
from streamproc.observe.events import Observer
from streamproc.settings.settings import Settings

__all__ = ["Kept", "KeptInMemory"]


class Kept(Protocol):
    """What a worker's budgets need of a ledger, wherever it is."""

    @property
    def ledger(self) -> Ledger:
        """The ledger itself."""
        ...

    @property
    def agreement(self) -> str:
        """What the workers of a group have to agree on."""
        ...

    @property
    def failure(self) -> BaseException | None:
        """What a task of it died of, if one did."""
        ...

    def unready(self) -> str | None:
        """Why no call can begin at present, if so."""
        ...

    def since_ms(self) -> int:
        """When the earliest of the windows began that are not over."""
        ...

    async def check(self) -> None:
        """Looks whether it can work here, before anything is read.

        Raises:
            SetupError: it cannot.
            KafkaError: no broker answers, or it refuses us.
        """
        ...

    async def start(self, has_all: Callable[[], bool]) -> None:
        """Begins, with the caps that hold; `has_all` says whether this process has claimed all partitions.

        Raises:
            KafkaError: no broker answers, or it refuses us.
        """
        ...

    async def stop(self) -> None:
        """Disconnects."""
        ...

    async def standings(self, most: int) -> Sequence[Standing]:
        """Accounts of the current windows that have a cap, at most so many; of several workers one tells them."""
        ...


class KeptInMemory:
    """For one worker alone."""

    def __init__(
        self,
        settings: Settings,
        options: Mapping[str, Any],
        clock: Clock,
        observer: Observer,
        crossed: Callable[[Crossed], None],
        unreadable: Unreadable,
    ) -> None:
        """`options` are those of Kafka's clients."""
        self._settings = settings
        self._clock = clock
        self.ledger = MemoryLedger(configured_caps(settings.budgets), lambda: int(clock.time() * 1000), crossed)
        # It agrees with that of no other process.
        self.agreement = f"memory {settings.kafka.instance_id or secrets.token_hex(8)}"
        feed = UsageFeed(options, settings.topics.usage, self.ledger, unreadable)
        self._has_all: Callable[[], bool] = lambda: False
        self._rebuild = Rebuild(self.ledger, feed, self.since_ms, lambda: self._has_all(), clock, observer)

    @property
    def failure(self) -> BaseException | None:
        """What a task of it died of, if one did."""
        return self._rebuild.failure

    def unready(self) -> str | None:
        """Why no call can begin at present, if so."""
        return None if self.ledger.is_open else self.ledger.shut_by or "reading what was spent"

    def since_ms(self) -> int:
        """When the earliest of the windows began that are not over."""
        return self.ledger.since_ms()

    async def check(self) -> None:
        """Waits until nobody else is in the group.

        Raises:
            SetupError: somebody is there, and stays.
        """
        await until_alone(self._settings, self._clock)

    async def start(self, has_all: Callable[[], bool]) -> None:
        """Reads what was spent as soon as all partitions are claimed.

        Raises:
            KafkaError: no broker answers, or it refuses us.
        """
        self._has_all = has_all
        await self._rebuild.start()

    async def stop(self) -> None:
        """Disconnects."""
        await self._rebuild.stop()

    async def standings(self, most: int) -> Sequence[Standing]:
        """Accounts of the current windows that have a cap, at most so many."""
        return await self.ledger.standings(most)
