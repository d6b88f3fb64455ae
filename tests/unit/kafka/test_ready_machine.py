"""Ready queues under any sequence of steps: each run comes out once, in order, and no cap is ever exceeded."""

from math import inf
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from streamproc.chain.permit import NotBefore
from streamproc.chain.run import Run
from streamproc.kafka.ready import ReadyQueues
from streamproc.kafka.shares import Shares
from streamproc.kafka.slots import Seat, Slots
from streamproc.records.identity import RunId
from tests.fakes import a_request, a_run

_SLOTS = 10
_TENANTS = {"heavy": 3.0, "usual": 1.0, "light": 0.2}
_MODELS = ("m1", "m2", "m3")


class ReadyMachine(RuleBasedStateMachine):
    """Three routes and three tenants compete for ten slots; some of them are held by limits of their own at times."""

    @initialize(share=st.sampled_from([0.3, 0.8, 1.0]), tenant_share=st.sampled_from([0.5, 0.8, 1.0]))
    def begin(self, share: float, tenant_share: float) -> None:
        self.now = 0.0
        self.number = 0
        self.shares = share, tenant_share
        self.routes, self.tenants = Shares(share, "ab"), Shares(tenant_share, "ab", _TENANTS.__getitem__)
        self.slots = Slots(_SLOTS, self.routes, self.tenants)
        self.queues = ReadyQueues(_TENANTS.__getitem__)
        self.inside: dict[Run, float] = {}  # when it became ready, or will
        self.behind: set[Run] = set()
        self.running: dict[Run, Seat] = {}
        self.out: set[Run] = set()
        self.held: set[str] = set()

    def _admit(self, run: Run) -> NotBefore | None:
        if run.tenant in self.held:
            return NotBefore(2.0, "requests", is_tenant=True)
        if run.model in self.held:
            return NotBefore(3.0, "concurrency", is_tenant=False)
        return self.slots.hold(run)

    def _gone(self, runs: list[Run]) -> None:
        for run in runs:
            assert run not in self.out
            self.out.add(run)
            del self.inside[run]
            self.behind.discard(run)

    @rule(
        tenant=st.sampled_from(sorted(_TENANTS)),
        model=st.sampled_from(_MODELS),
        priority=st.sampled_from([None, 0, 9]),
        wait=st.sampled_from([0, 0, 0, 4]),
        deadline=st.sampled_from([6, 1000]),
        is_behind=st.sampled_from([False, False, True]),
        count=st.integers(1, 8),
    )
    def put(self, tenant: str, model: str, count: int, **drawn: Any) -> None:
        for _ in range(count):
            run = a_run(
                self.number,
                id=RunId("llm.requests", 0, self.number, 1),
                tenant=tenant,
                model=model,
                request=a_request(priority=drawn["priority"]),
                not_before=self.now + drawn["wait"],
                deadline=self.now + drawn["deadline"],
            )
            self.number += 1
            self.slots.expect(run)
            self.queues.put(run, self.now, is_behind=drawn["is_behind"])
            self.inside[run] = inf if drawn["is_behind"] else run.not_before
            if drawn["is_behind"]:
                self.behind.add(run)

    @rule()
    def fill(self) -> None:
        while self.slots.free > 0 and (run := self.queues.take(self._admit, self.now)) is not None:
            assert run.not_before <= self.now
            assert run not in self.behind
            assert run.tenant not in self.held
            # Of its tenant, route and priority it is the first that could have been taken.
            alike = (run.tenant, run.model, run.priority)
            older = [
                other
                for other, since in self.inside.items()
                if (other.tenant, other.model, other.priority) == alike and since < self.inside[run]
            ]
            assert older == []
            self._gone([run])
            self.running[run] = self.slots.take(run)
            self._check_shares(run)

    def _check_shares(self, run: Run) -> None:
        of_route = sum(other.model == run.model for other in self.running)
        of_tenant = sum(other.tenant == run.tenant for other in self.running)
        bounds = ((of_route, self.shares[0], 1.0), (of_tenant, self.shares[1], _TENANTS[run.tenant]))
        for count, share, weight in bounds:
            assert count == 1 or count * (1 - share) <= share * weight * self.slots.free + 1e-6

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from(sorted(self.running, key=lambda run: run.offset)))
        self.slots.give_back(self.running.pop(run))
        self.queues.reopen(run)

    @rule(name=st.sampled_from([*_TENANTS, *_MODELS]))
    def hold_or_release(self, name: str) -> None:
        self.held ^= {name}

    @precondition(lambda self: self.behind)
    @rule(data=st.data())
    def wake(self, data: st.DataObject) -> None:
        self._wake(data.draw(st.sampled_from(sorted(self.behind, key=lambda run: run.offset))))

    def _wake(self, run: Run) -> None:
        assert self.queues.wake(run, self.now)
        self.behind.discard(run)
        self.inside[run] = max(self.now, run.not_before)

    @rule(seconds=st.integers(1, 4))
    def tick(self, seconds: int) -> None:
        self.now += seconds
        self.queues.release_due(self.now)  # as with each change: who comes into its queue later stands behind these

    @rule()
    def expire(self) -> None:
        gone = self.queues.expired(self.now)
        assert set(gone) == {run for run in self.inside if run.deadline <= self.now}
        self._gone(gone)

    @rule(digit=st.integers(0, 9))
    def cancel(self, digit: int) -> None:
        gone = self.queues.remove(lambda run: run.offset % 10 == digit)
        assert set(gone) == {run for run in self.inside if run.offset % 10 == digit}
        self._gone(gone)

    @invariant()
    def counts_follow(self) -> None:
        assert set(self.queues) == set(self.inside)
        assert self.queues.ready + self.queues.waiting == len(self.inside)
        assert self.queues.queued_bytes == sum(run.size_bytes for run in self.inside)
        assert self.slots.taken == len(self.running) <= _SLOTS

    def teardown(self) -> None:
        """Once nothing holds any of them, all of them come out."""
        if not hasattr(self, "queues"):
            return
        self.held.clear()
        self.tick(10)
        while self.inside or self.running:
            for run in list(self.behind):
                self._wake(run)
            self.fill()
            assert self.running
            for run in list(self.running):
                self.slots.give_back(self.running.pop(run))
                self.queues.reopen(run)
        assert repr(self.queues) == "ReadyQueues(ready=0, waiting=0, bytes=0)"
        assert (self.routes._running, self.tenants._running) == ({}, {})


TestReady = ReadyMachine.TestCase
TestReady.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
