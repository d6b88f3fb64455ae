"""A view of the budgets without a worker: the same rules over the same topics, and nothing that is under way."""

from collections.abc import Sequence

from streamproc.chain.clock import Clock
from streamproc.errors import SetupError
from streamproc.kafka.connection import client_options, setup_errors
from streamproc.kafka.tail import Tail
from streamproc.kafka.topics import check_topics
from streamproc.kafka.usage_feed import UsageFeed
from streamproc.kafka.words import LastWords
from streamproc.money.configured import configured_caps
from streamproc.money.ledger import Standing
from streamproc.money.ledger_memory import MemoryLedger
from streamproc.observe.observers import Observers
from streamproc.settings.settings import Settings

__all__ = ["view"]


async def view(settings: Settings, clock: Clock) -> Sequence[Standing]:
    """All accounts that have a cap and a call in their current window.

    Raises:
        SetupError: there are no budgets, or Kafka cannot be reached or refuses us.
    """
    if not settings.budgets.is_on:
        raise SetupError(
            "these settings have no budgets: add budgets.caps or set budgets.enabled, for the workers, too"
        )
    await check_topics(settings)
    options, topics, observer = client_options(settings.kafka), settings.topics, Observers()
    words = LastWords(Tail(options, (topics.admin,)), topics.admin, clock, observer)
    with setup_errors(settings.kafka, "reading the budgets"):
        try:
            await words.start()
            caps = configured_caps(settings.budgets, words.words)
            ledger = MemoryLedger(caps, lambda: int(clock.time() * 1000), lambda _: None)
            feed = UsageFeed(options, topics.usage, ledger, clock, observer)
            try:
                await feed.start()
                await feed.read_from(ledger.since_ms())
                return await ledger.standings()
            finally:
                await feed.stop()
        finally:
            await words.stop()
