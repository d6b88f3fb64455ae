"""One run's life. Read this first.

A record comes in (`accept`): it is a valid request and becomes a run, or it is none and goes to the dead letters.
The run gets a permit for its call (`admit`), and only then a slot (`process`): its call goes down the chain, the
events that come back are folded into the answer and published as chunks; when all of them are safe in Kafka, the
result and the bill leave together. Every way out of a run is one row of the fate table in `errors.py`.
"""

from collections.abc import Callable
from typing import NamedTuple, NoReturn

from streamproc.chain.answer import Answer
from streamproc.chain.begin import progress_of, times_of
from streamproc.chain.clock import Clock
from streamproc.chain.leave import Leave
from streamproc.chain.outcome import Outcome
from streamproc.chain.permit import NotBefore
from streamproc.chain.plan import Asked
from streamproc.chain.provider import Completed
from streamproc.chain.retry_rules import WaitRules
from streamproc.chain.run import Incoming, Run, Terminal
from streamproc.chain.schedule import ScheduleRules
from streamproc.errors import Cancelled, CredentialFault, DeadlinePassed, InvalidRequest, NotNow, RunError, Transient
from streamproc.kafka.publisher import Publisher
from streamproc.kafka.writer import ChunkWriter
from streamproc.observe.events import DeadLettered, Observer, RunDeferred, RunEnded, RunWaits
from streamproc.providers.deadlines import Deadlines
from streamproc.records.codec import RequestDecoder
from streamproc.records.headers import check_request_headers, replay_of, trace_of
from streamproc.records.input_hash import input_hash
from streamproc.records.outgoing import Outgoing
from streamproc.records.request import Request

__all__ = ["Processor", "RunRules"]


class RunRules(NamedTuple):
    """Bounds of a run, from the settings."""

    schedule: ScheduleRules
    default_output_tokens: int
    max_answer_characters: int
    max_crashes: int
    waits: WaitRules


class Processor:
    """What a worker does with a record. Waits only for providers and for chunk acknowledgements."""

    def __init__(
        self,
        decoder: RequestDecoder,
        leave: Leave,
        publisher: Publisher,
        outcome: Outcome,
        rules: RunRules,
        clock: Clock,
        random: Callable[[], float],
        observer: Observer,
    ) -> None:
        self._decoder = decoder
        self._leave = leave
        self._publisher = publisher
        self._outcome = outcome
        self._rules = rules
        self._clock = clock
        self._random = random
        self._observer = observer

    def accept(self, incoming: Incoming) -> Run | Terminal:
        """A valid request's run, or the dead letter and the `rejected` result of a record that is none."""
        if (answer := incoming.history.answer) is not None:
            # Nothing is asked of the request any more: it was answered, whatever this worker's own settings say.
            self._observer.saw(RunEnded(str(incoming.id), answer.tenant, answer.model, answer.status, None, 0.0))
            return self._outcome.remembered(incoming, answer)
        request: Request | None = None
        try:
            if incoming.problem is not None:
                raise incoming.problem
            check_request_headers(incoming.headers)
            request = self._decoder.decode(incoming.value, is_own=incoming.deferral is not None)
            return self._run(incoming, request)
        except InvalidRequest as error:
            return self._refused(incoming, request, error)
        except Exception as error:  # noqa: BLE001 a defect of ours must not stop the partition: the bytes are kept
            return self._refused(
                incoming, request, InvalidRequest(f"internal error: {error!r:.300}", code="internal_error")
            )

    def _refused(self, incoming: Incoming, request: Request | None, error: InvalidRequest) -> Terminal:
        self._observer.saw(DeadLettered(str(incoming.id), error.code, str(error)))
        self._observer.saw(RunEnded(str(incoming.id), incoming.tenant, None, error.status, error.code, 0.0))
        return self._outcome.refused(incoming, request, error)

    def _run(self, incoming: Incoming, request: Request) -> Run:
        progress = progress_of(incoming)
        if progress.crashes >= self._rules.max_crashes:
            raise InvalidRequest(
                f"{progress.crashes} workers died while they answered this request"
                f" (worker.max_crashes is {self._rules.max_crashes})",
                code="crashed_workers",
            )
        times = times_of(incoming, request, self._clock.time(), self._rules.schedule)
        tenant, size_bytes = incoming.tenant or request.tenant, len(incoming.value or b"")
        run = Run(
            id=incoming.id,
            offset=incoming.offset,
            request=request,
            plan=self._leave.plan(Asked(request, str(incoming.id), tenant, size_bytes, times.deadline)),
            tenant=tenant,
            input_hash=input_hash(request),
            size_bytes=size_bytes,
            deadline=times.deadline,
            not_before=times.not_before,
            taken_at=self._clock.monotonic(),
            progress=progress,
            journal=incoming.journal,
            trace=trace_of(incoming.headers),
            replay_of=replay_of(incoming.headers),
            order_key=incoming.order_key,
            is_deferred=incoming.deferral is not None,
        )
        run.is_answered = self._leave.is_answered(run)
        return run

    def renew(self, run: Run) -> bool:
        """Looks anew at what may have changed while a run waited; says whether it now waits for something else."""
        return self._leave.renew(run)

    def admit(self, run: Run) -> NotBefore | None:
        """Takes the permit for the run's first call; or says for how long there is none."""
        return self._leave.admit(run)

    async def process(self, run: Run) -> Terminal:
        """Answers a run.

        Raises:
            NotNow: no provider can answer at present; `run.not_before` says when to try again.
        """
        answer = Answer(run.provider.name, self._rules.max_answer_characters)
        left = run.deadline - self._clock.time()
        try:
            if left <= 0:
                raise DeadlinePassed("the deadline passed before a call could begin")
            terminal = await self._complete(run, answer, left)
            run.journal.completed(terminal.records)
        except (Transient, CredentialFault, NotNow) as error:
            self._wait(run, error)
        except RunError as error:
            return self._ended(run, self._outcome.failed(run, error), error.status, error.code)
        except Exception as error:  # noqa: BLE001 a defect of ours must not hold the partition for ever
            failure = RunError(f"internal error: {error!r:.300}")
            failure.code = "internal_error"
            return self._ended(run, self._outcome.failed(run, failure), "failed", failure.code)
        return self._ended(run, terminal, "completed", None)

    async def _complete(self, run: Run, answer: Answer, seconds: float) -> Terminal:
        writer = self._publisher.open(run, answer) if run.request.stream else None
        deadlines = Deadlines(total_seconds=seconds)
        try:
            try:
                with deadlines:
                    completed, first_token = await self._answer(run, answer, writer)
            except TimeoutError as exc:
                if not deadlines.is_over:
                    raise
                raise DeadlinePassed("the deadline passed before the answer was complete") from exc
            if writer is None:
                return self._outcome.completed(run, answer, completed, 0, first_token)
            # Outside the deadline: the answer is whole and paid for, only Kafka is late.
            writer.end()
            await writer.acknowledged()
            return self._outcome.completed(run, answer, completed, writer.chunk_count, first_token)
        finally:
            deadlines.close()
            if writer is not None:
                writer.close()

    async def _answer(self, run: Run, answer: Answer, writer: ChunkWriter | None) -> tuple[Completed, float | None]:
        first_token: float | None = None
        events = run.plan.chain.stream(run.call(self._rules.default_output_tokens))
        try:
            async for event in events:
                if first_token is None:
                    first_token = self._clock.monotonic() - run.taken_at
                answer.add(event)
                if writer is not None:
                    writer.take(event)
                    if self._publisher.is_full:
                        # Not reading on is the back-pressure: the provider's bytes stay in its socket.
                        await self._publisher.room()
        finally:
            await events.aclose()  # as `aclosing` does, without its two coroutines for each call
        return answer.finished(), first_token

    def _wait(self, run: Run, error: Transient | CredentialFault | NotNow) -> NoReturn:
        run.progress.waits += 1
        run.is_vain = run.is_vain or (run.request.takes_less and error.code != "budget_held")
        # Whatever was shown of this attempt is void: the next try is another one, also when nothing was.
        run.progress.restart()
        # Nothing has failed where only the moment is wrong: such a wait does not grow with the number of waits.
        waits = 1 if isinstance(error, NotNow) else run.progress.waits
        seconds = self._rules.waits.seconds(waits, error.retry_after_seconds, self._random)
        run.not_before = self._clock.time() + seconds
        self._observer.saw(RunWaits(str(run.id), error.code, str(error), seconds))
        room = error.room if isinstance(error, NotNow) else None
        raise NotNow(str(error), retry_after_seconds=seconds, room=room) from error

    def expire(self, run: Run) -> Terminal:
        """What a run leaves behind whose deadline passed while it waited for a slot."""
        error = DeadlinePassed("the deadline passed while the request waited")
        return self._ended(run, self._outcome.failed(run, error), error.status, error.code)

    def cancel(self, run: Run) -> Terminal:
        """What a run leaves behind that its sender cancelled, at whatever point; its calls so far are billed."""
        error = Cancelled("the sender cancelled the request")
        return self._ended(run, self._outcome.failed(run, error), error.status, error.code)

    def defer(self, run: Run) -> Terminal | None:
        """What a run leaves behind that is read again later from the topic of deferred runs; None: it is too large."""
        terminal = self._outcome.deferred(run)
        if terminal is not None:
            self._observer.saw(RunDeferred(str(run.id)))
        return terminal

    def abandon(self, run: Run) -> tuple[Outgoing, ...]:
        """Usage of a run that was cut off and will run again elsewhere: its calls were made and are billed."""
        return self._outcome.abandoned(run)

    def _ended(self, run: Run, terminal: Terminal, status: str, code: str | None) -> Terminal:
        seconds = self._clock.monotonic() - run.taken_at
        self._observer.saw(RunEnded(str(run.id), run.tenant, run.request.model, status, code, seconds))
        return terminal
