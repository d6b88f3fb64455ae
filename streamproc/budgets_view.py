"""A view of the budgets without a worker: the same rules over the same topics, and nothing that is under way."""

from collections.abc import Sequence
from dataclasses import dataclass

from streamproc.chain.clock import Clock
from streamproc.errors import SetupError
from streamproc.kafka.connection import client_options, setup_errors
from streamproc.kafka.tail import Tail
from streamproc.kafka.topics import check_topics
from streamproc.kafka.usage_feed import UsageFeed
from streamproc.kafka.words import LastWords
from streamproc.money.configured import configured_caps
from streamproc.money.ledger_memory import MemoryLedger
from streamproc.money.listing import Listed, listed
from streamproc.observe.observers import Observers
from streamproc.settings.settings import Settings

__all__ = ["View", "view"]


@dataclass(slots=True)
class View:
    """All budgets that have a call in their current window or a word of an operator, and what is in none of them.

    `unreadable` counts records of the usage topic that cannot be read; `first` says where and why, of one of them.
    """

    budgets: Sequence[Listed] = ()
    unreadable: int = 0
    first: str = ""

    def pass_over(self, topic: str, partition: int, offset: int, reason: str) -> bool:
        """Counts a record that cannot be read."""
        self.first = self.first or f"{topic} partition {partition} offset {offset}: {reason}"
        self.unreadable += 1
        return True


async def view(settings: Settings, clock: Clock) -> View:
    """What Kafka says of all budgets now.

    Raises:
        SetupError: there are no budgets, or Kafka cannot be reached or refuses us.
    """
    if not settings.budgets.is_on:
        raise SetupError(
            "these settings have no budgets: add budgets.caps or set budgets.enabled, for the workers, too"
        )
    await check_topics(settings)
    options, topics, found = client_options(settings.kafka), settings.topics, View()
    words = LastWords(Tail(options, (topics.admin,)), topics.admin, clock, Observers())
    with setup_errors(settings.kafka, "reading the budgets"):
        try:
            await words.start()
            caps = configured_caps(settings.budgets, words.words)
            ledger = MemoryLedger(caps, lambda: int(clock.time() * 1000), lambda _: None)
            feed = UsageFeed(options, topics.usage, ledger, found.pass_over)
            try:
                await feed.start()
                await feed.read_from(ledger.since_ms())
                found.budgets = listed(await ledger.standings(), words.words, caps)
            finally:
                await feed.stop()
        finally:
            await words.stop()
    return found
