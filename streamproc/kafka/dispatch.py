"""Dispatch: gives ready runs a slot, up to the cap of running calls, and puts waiting ones back.

Before a run gets a slot it is asked whether it may call now. A run that may not takes none, and waits where it is.
One that has to come after another of its key is not asked before that one has its end.
"""

import asyncio
from collections.abc import Callable
from functools import partial

from streamproc.chain.clock import Clock
from streamproc.chain.permit import NotBefore
from streamproc.chain.run import Run, Terminal
from streamproc.errors import NotNow
from streamproc.kafka.assignment import Assignment, State
from streamproc.kafka.deferring import Bounds, choose
from streamproc.kafka.failure import failure_of
from streamproc.kafka.fairness import Fairness
from streamproc.kafka.key_order import KeyOrder
from streamproc.kafka.ready import ReadyQueues
from streamproc.kafka.route_queue import ELSEWHERE
from streamproc.kafka.slots import Seat
from streamproc.kafka.work import Work
from streamproc.observe.events import CallsHeld, Observer

__all__ = ["Dispatch"]

_SWEEP_SECONDS = 1.0


class Dispatch:
    """Runs that are ready, and runs that have a slot. `failure` is set when one died of a defect.

    `is_cancelled` says of a run whether its sender has cancelled it.
    """

    def __init__(
        self,
        work: Work,
        clock: Clock,
        fairness: Fairness,
        freed: Callable[[], None],
        is_cancelled: Callable[[Run], bool],
        bounds: Bounds,
        observer: Observer,
    ) -> None:
        self.queues = ReadyQueues(fairness.weight_of)
        self._work = work
        self._clock = clock
        self._slots = fairness.slots
        self._freed = freed
        self._is_cancelled = is_cancelled
        self._bounds = bounds
        self._observer = observer
        self._order = KeyOrder()
        self._tasks: dict[asyncio.Task[None], Run] = {}
        self._cut: set[asyncio.Task[None]] = set()
        self._owners: dict[int, Assignment] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._last_sweep = 0.0
        self.failure: BaseException | None = None
        self.is_stopped = False

    def __repr__(self) -> str:
        return f"Dispatch(running={self.running}, {self.queues})"

    @property
    def running(self) -> int:
        """Runs that have a slot."""
        return self._slots.taken

    def put(self, run: Run, owner: Assignment) -> None:
        """Takes a run; `owner` learns of its end. One that is cancelled ends here, whether it is new or comes back."""
        if run.is_cancelled or self._is_cancelled(run):
            self._finish(run, owner, self._work.cancel(run))
            return
        self._owners[id(run)] = owner
        self._slots.expect(run)
        self.queues.put(run, self._clock.time(), is_behind=self._order.join(run))

    def _finish(self, run: Run, owner: Assignment, terminal: Terminal) -> None:
        owner.finish(run.offset, terminal)
        self._leave(run)

    def _abandon(self, run: Run, owner: Assignment) -> None:
        owner.bill(self._work.abandon(run))
        self._leave(run)

    def _leave(self, run: Run) -> None:
        head = self._order.leave(run)
        if head is not None and self.queues.wake(head, self._clock.time()):
            asyncio.get_running_loop().call_soon(self.start_ready)

    def start_ready(self) -> None:
        """Fills free slots. Called after every change: new runs, a freed slot, a time that has come."""
        now = self._clock.time()
        self.queues.release_due(now)
        while not self.is_stopped and self._slots.free > 0:
            run = self.queues.take(self._admit, now)
            aside, self.queues.aside = self.queues.aside, []
            for other in aside:
                self._keep(other, self._owners.pop(id(other)))
            if run is None:
                if aside:
                    continue
                break
            owner = self._owners.pop(id(run))
            task = asyncio.create_task(self._run(run, owner), name=str(run.id))
            self._tasks[task] = run
            owner.running.add(task)
            task.add_done_callback(partial(self._ended, run, owner, self._slots.take(run)))
        self._arm(now)

    def _admit(self, run: Run) -> NotBefore | None:
        if self._owners[id(run)].state is not State.READY or self._work.renew(run):
            return ELSEWHERE
        hold = self._slots.hold(run)
        if hold is None:
            return self._work.admit(run)
        tenant = run.tenant if hold.is_tenant else None
        self._observer.saw(CallsHeld(run.provider.name, hold.reason, tenant, hold.seconds))
        return hold

    async def _run(self, run: Run, owner: Assignment) -> None:
        try:
            terminal = await self._work.process(run)
        except NotNow as error:
            # Before anybody may admit it again: the permit that it has then is another one.
            run.progress.give_back()
            self._keep(run, owner)
            if error.room is not None:
                error.room.then(partial(self._wake, run))
        else:
            run.progress.give_back()
            self._finish(run, owner, terminal)

    def _wake(self, run: Run) -> bool:
        """There is room for a run; False when it does not wait any more."""
        now = run.not_before = self._clock.time()  # also where it is parked, or will be before it has a slot
        if not self.queues.wake(run, now):
            return False
        # Not from within whoever made the room: it has not come to its own end yet.
        asyncio.get_running_loop().call_soon(self.start_ready)
        return True

    def _keep(self, run: Run, owner: Assignment) -> None:
        if owner.state is State.READY:
            self.put(run, owner)
        elif owner.state is State.ENDED:
            self._abandon(run, owner)
        else:
            owner.parked.append(run)

    def resume(self, owner: Assignment) -> None:
        """Takes back the runs of a partition that was claimed again."""
        parked, owner.parked = owner.parked, []
        for run in parked:
            self.put(run, owner)
        self.start_ready()

    def _ended(self, run: Run, owner: Assignment, seat: Seat, task: asyncio.Task[None]) -> None:
        # A callback and not a `finally`: a task that is cancelled before its first step never enters its body.
        owner.running.discard(task)
        del self._tasks[task]
        self._slots.give_back(seat)
        if task.cancelled() or task.exception() is not None:
            run.progress.give_back()
        self.queues.reopen(run)
        if task.cancelled() and run.is_cancelled:
            # A drain may have cut it, too, before or after: either way its sender wants no answer. Should this
            # terminal be lost with the partition, the next owner finds the same cancel on its topic.
            self._finish(run, owner, self._work.cancel(run))
        elif (failure := failure_of(task)) is not None:
            self.failure = failure  # a run without an end would hold its partition, and nobody would know
        elif task.cancelled():
            self._abandon(run, owner)
        self._freed()
        self.start_ready()

    def cancel(self) -> None:
        """Ends the runs that were cancelled since; called when more is known of it.

        A running one is cut at its provider, and once only: a second cut would meet it while it hangs up.
        """
        for run in self.queues.remove(self._is_cancelled):
            self._finish(run, self._owners.pop(id(run)), self._work.cancel(run))
        for task, run in self._tasks.items():
            if not run.is_cancelled and self._is_cancelled(run):
                run.is_cancelled = True
                task.cancel()
        self._freed()

    def sweep(self) -> None:
        """Ends runs whose deadline passed while they waited, and defers some; a full pass at most once a second."""
        now = self._clock.time()
        if now - self._last_sweep < _SWEEP_SECONDS:
            return
        self._last_sweep = now
        # A cut may be swallowed on its way down: who still runs a whole sweep later is cut again.
        cut = {task for task, run in self._tasks.items() if run.is_cancelled}
        for task in cut & self._cut:
            task.cancel()
        self._cut = cut
        for run in self.queues.expired(now):
            self._finish(run, self._owners.pop(id(run)), self._work.expire(run))
            self._freed()
        self._defer(now)

    def _defer(self, now: float) -> None:
        crowded = {owner for owner in set(self._owners.values()) if self._is_crowded(owner)}
        waiting = (run for run in self.queues.later() if self._owners[id(run)] in crowded) if crowded else ()
        for run in choose(waiting, now):
            terminal = self._work.defer(run)
            if terminal is not None:
                self.queues.discard(run)
                self._finish(run, self._owners.pop(id(run)), terminal)
                self._freed()

    def _is_crowded(self, owner: Assignment) -> bool:
        has_room = owner.has_room(self._bounds.max_window)
        return owner.is_ready and self._bounds.is_crowded(owner.window, self.queues.queued_bytes, has_room=has_room)

    def discard(self, owner: Assignment) -> None:
        """Forgets the queued runs of a lost partition; calls they made before they had to wait are billed."""
        queued = self.queues.remove(lambda run: self._owners[id(run)] is owner)
        for run in (*queued, *owner.parked):
            self._abandon(run, owner)
        owner.parked.clear()
        self._owners = {key: kept for key, kept in self._owners.items() if kept is not owner}

    def _arm(self, now: float) -> None:
        due = self.queues.next_time(now)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if due is not None and not self.is_stopped:
            self._timer = asyncio.get_running_loop().call_later(max(due - now, 0.001), self.start_ready)

    def stop(self) -> None:
        """Starts nothing any more; running runs go on."""
        self.is_stopped = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
