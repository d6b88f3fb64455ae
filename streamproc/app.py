"""The composition root: settings become objects here and in `chains`, and nowhere else."""

import asyncio
import secrets
from functools import partial

from streamproc.alerts import Alerts
from streamproc.budgets import budgets_of
from streamproc.chain.clock import Clock
from streamproc.chains import Chains
from streamproc.kafka.agreement import Agreement
from streamproc.kafka.cancels import Cancels
from streamproc.kafka.connection import client_options, member_options, setup_errors
from streamproc.kafka.consumer import Consumer
from streamproc.kafka.control import Control
from streamproc.kafka.deferring import Bounds
from streamproc.kafka.fairness import Fairness
from streamproc.kafka.journals import Journals
from streamproc.kafka.producer import Producer
from streamproc.kafka.publisher import Publisher
from streamproc.kafka.tail import Tail
from streamproc.kafka.transactor import transactors
from streamproc.kafka.writer import Coalescing
from streamproc.money.tokens import TokenCounter
from streamproc.observe.events import Observer
from streamproc.observe.gauges import ConnectionState, PartitionState, WorkerState
from streamproc.observe.observers import Observers
from streamproc.processing import processor_of
from streamproc.providers.catalog import Catalog
from streamproc.records.outgoing import OutputTopic
from streamproc.settings.settings import Settings

__all__ = ["Worker"]

_STUCK_SECONDS = 60.0
_CALL_MARGIN_SECONDS = 5.0
"""A call that its provider's total timeout should have ended is given so much more, before it is billed as lost."""


class Worker:
    """One process's share of the work."""

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        observer: Observer,
        clock: Clock,
        counter: TokenCounter | None = None,
    ) -> None:
        """`counter`: for several workers in one process, so that they load the ranks of tokens once."""
        self._settings = settings
        self._catalog = catalog
        self._observer = observer
        self._clock = clock
        options = client_options(settings.kafka)
        self._alerts = Alerts(settings, options, clock, observer)
        call_seconds = _longest_call_seconds(settings)
        self._budgets = budgets_of(settings, options, call_seconds, self._alerts.log, clock, observer)
        told = Observers((observer, self._alerts))
        budgets, counter = self._budgets, counter or TokenCounter()
        self._chains = Chains(
            settings, catalog, clock, told, counter, budgets.budget, budgets.spent_share, budgets.slowed
        )
        self._chunks = Producer(options, observer)
        chunks = settings.chunks
        self._publisher = Publisher(
            self._chunks,
            settings.topics.chunks,
            clock,
            coalescing=Coalescing(chunks.coalesce, chunks.coalesce_seconds, chunks.coalesce_characters),
            linger_seconds=chunks.linger_seconds,
            max_buffered_bytes=chunks.max_buffered_bytes,
        )
        worker = settings.worker
        self._control = Control(
            options,
            {
                topic: Cancels(tenant, worker.max_cancels, worker.max_cancel_age_seconds)
                for topic, tenant in settings.control_topics().items()
            },
            clock,
            observer,
        )
        self._journals = Journals(
            Producer(options, observer),
            Tail(options, (settings.topics.journal, settings.topics.usage)),
            settings.topics.journal,
            settings.topics.usage,
            clock,
            observer,
            waits=settings.worker.wait_for_journal,
            ledger=self._budgets.ledger,
        )
        self.consumer = self._make_consumer()

    def _make_consumer(self) -> Consumer:
        settings = self._settings
        kafka, worker = settings.kafka, settings.worker
        processor = processor_of(settings, self._chains, self._publisher, self._clock, self._observer)
        options = client_options(kafka)
        topics = settings.topics
        outputs: dict[OutputTopic, str] = {
            "chunks": topics.chunks,
            "results": topics.results,
            "usage": topics.usage,
            "dead": topics.dead,
            "deferred": topics.deferred,
        }
        return Consumer(
            {**options, **member_options(kafka, worker.drain_seconds)},
            {source.topic: source.tenant for source in settings.sources},
            topics.deferred,
            processor,
            transactors(
                options,
                outputs,
                kafka.group,
                kafka.transaction_timeout_seconds or 0.6 * kafka.session_timeout_seconds,
                self._clock,
            ),
            Fairness.of(settings),
            Bounds(max_window=worker.max_window, max_queued_bytes=worker.max_queued_bytes),
            kafka,
            Agreement(
                {"journal": topics.journal, **{str(role): name for role, name in outputs.items()}},
                self._budgets.agreement,
            ),
            self._control.is_cancelled,
            self._failure,
            self._journals,
            partial(secrets.token_hex, 8),
            _longest_call_seconds(settings),
            self._clock,
            self._observer,
        )

    def _failure(self) -> BaseException | None:
        parts = (self._publisher, self._control, self._journals, self._alerts, self._budgets, self._chains)
        return next((part.failure for part in parts if part.failure is not None), None)

    def load(self) -> None:
        """Prices and rank files. Blocks for about a second: call it in a thread."""
        self._chains.load()

    async def start(self) -> None:
        """Connects, reads the control topics, and joins the group.

        Raises:
            SetupError: Kafka cannot be reached or refuses us, or a rank file is damaged.
        """
        loading = asyncio.ensure_future(asyncio.to_thread(self.load))  # a second, while we connect
        try:
            with setup_errors(self._settings.kafka, "reading the control topics"):
                await self._control.start(self.consumer.dispatch.cancel)
            with setup_errors(self._settings.kafka, "reading the journal and usage topics"):
                await self._journals.start()
            with setup_errors(self._settings.kafka, "reading the topics of the budgets"):
                await self._alerts.start()
                await self._budgets.start(lambda: self.consumer.has_all)
            with setup_errors(self._settings.kafka, "joining the group"):
                await self._chunks.start()
                await self.consumer.start()
        finally:
            await loading  # before the first poll: no request is read before

    async def drain(self) -> int:
        """Lets running calls end, commits, leaves; says how many calls were cut."""
        return await self.consumer.drain(self._settings.worker.drain_seconds)

    async def stop(self) -> None:
        """Lets go of everything, also after a start that failed."""
        await self.consumer.close()
        await self._control.stop()
        await self._publisher.stop()
        await self._journals.stop()
        await self._budgets.stop()
        await self._alerts.stop()
        await self._chains.close()

    def state(self) -> WorkerState:
        """For the metrics port's thread: reads plain numbers only."""
        dispatch, held = self.consumer.dispatch, self._catalog.connections()
        return WorkerState(
            running=dispatch.running,
            queued=dispatch.queues.ready,
            waiting=dispatch.queues.waiting,
            queued_bytes=dispatch.queues.queued_bytes,
            buffered_bytes=self._publisher.buffered_bytes,
            partitions=tuple(
                PartitionState(
                    item.key.topic,
                    item.key.partition,
                    self.consumer.lag(item.key),
                    item.window,
                    item.is_ready,
                    item.is_paused,
                )
                for item in self.consumer.assignments
            ),
            connections=tuple(ConnectionState(provider, **one._asdict()) for provider, one in held.items()),
            budgets=self._budgets.shown,
            factors=self._chains.factors(),
            standings=tuple(self._chains.leave.standings()),
            cache=self._chains.cache_sizes(),
        )

    def liveness(self) -> str | None:
        """Why the process should be replaced, if so. A drain polls no more, and has an end of its own."""
        if self.consumer.is_draining:
            return None
        idle = self._clock.monotonic() - self.consumer.last_poll
        return f"the poll loop stands still for {idle:.0f} s" if idle > _STUCK_SECONDS else None

    def readiness(self) -> str | None:
        """Why no records are taken, if so."""
        if self.consumer.is_draining:
            return "draining"
        if not self._control.is_read:
            return "reading the control topics"
        if not self.consumer.is_member:
            return "not yet a member of the group"
        claiming = [str(item.key.partition) for item in self.consumer.assignments if not item.is_ready]
        if claiming:
            return f"claiming partitions {', '.join(claiming)}"
        return self._budgets.unready() or self.liveness()


def _longest_call_seconds(settings: Settings) -> float:
    return max(provider.timeouts.total_seconds for provider in settings.providers.values()) + _CALL_MARGIN_SECONDS
