"""Every call leaves its trace before it begins, and has its bill afterwards, whatever becomes of its worker."""

import asyncio
from pathlib import Path

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from streamproc.records.identity import RunId
from streamproc.records.journal import CallEnded, CallStarted, RunCompleted
from tests.contract.harness.bookkeeping import accounted, billed, open_calls
from tests.contract.harness.member import Member, running_member
from tests.contract.harness.program import Program, running_program
from tests.contract.harness.stage import Stage, staged
from tests.contract.harness.waiting import eventually, eventually_found, stays

MODEL, SHORT, LONG, ENDLESS = "mock-t5-i1", "mock-t50-i10-f5", "mock-t150-i10-f5", "mock-t3000-i10-f5"
LONGER = "mock-t350-i10-f5"
MODELS = (MODEL, SHORT, LONG, LONGER, ENDLESS)
QUICK_SESSION = {"session_timeout_seconds": 3.0, "heartbeat_interval_seconds": 0.5}
SHORT_CALLS = {"timeouts": {"total_seconds": 2.0}}


async def all_claimed(stage: Stage, program: Program) -> None:
    """Waits until each partition has an owner, which says so in the committed offset."""
    await program.has_said("started")

    async def all_have_an_owner() -> bool:
        return len(await stage.committed()) == 4

    await eventually_found(all_have_an_owner)


async def are_streaming(stage: Stage, runs: list[RunId]) -> None:
    """Waits until some of each answer is there."""
    await stage.outputs.until(lambda: all(len(stage.outputs.chunks_of(run)) >= 3 for run in runs))


def attempts_of(stage: Stage, run: RunId) -> int:
    """How many attempts of a run have said something so far."""
    return len({chunk.attempt for chunk in stage.outputs.chunks_of(run)})


async def are_answered(stage: Stage, runs: list[RunId]) -> None:
    """Waits until each run has its result and its offset is committed, and reads what is there."""
    await stage.outputs.until(lambda: all(stage.outputs.results_of(run) for run in runs))
    await asyncio.gather(*(stage.has_committed(run) for run in runs))
    await stage.outputs.rest()
    assert stage.outputs.twice() == {}


def nothing_is_left(member: Member) -> bool:
    """Whether it has its partitions, and no bill of a former owner's call is missing."""
    unbilled = any(item.inherited.unbilled for item in member.worker.consumer.assignments)
    return len(member.requested) == member.claimed == 4 and not unbilled


async def takes_notes(stage: Stage) -> bool:
    """Whether the journal takes a record of a note's size."""
    producer = AIOKafkaProducer(bootstrap_servers=stage.bootstrap)
    await producer.start()
    try:
        await producer.send_and_wait(stage.settings.topics.journal, b"x" * 500, key=b"nobody's", partition=1)
    except KafkaError:
        return False
    finally:
        await producer.stop()
    return True


async def test_notes_stand_around_a_call(bootstrap: str, topic_prefix: str) -> None:
    """The most it can use before it, what it did use after it, and its answer before that is published."""
    async with staged(bootstrap, topic_prefix, *MODELS) as stage, running_member(stage.settings):
        run = await stage.ask(MODEL)
        result = await stage.outputs.result(run)
        await are_answered(stage, [run])
        begun, end, answer = stage.outputs.notes
        assert isinstance(begun, CallStarted)
        assert isinstance(end, CallEnded)
        assert isinstance(answer, RunCompleted)
        assert {note.run_id for note in stage.outputs.notes} == {str(run)}
        assert len({note.owner for note in stage.outputs.notes}) == 1
        assert (begun.line.basis, begun.line.reason) == ("upper_bound", "lost")
        assert [end.line] == stage.outputs.usage
        assert answer.result == result
        assert await accounted(stage.mock, stage.outputs) == {begun.line.usage_id} == {end.usage_id}
        assert end.line is not None
        assert (begun.line.cost_nanos or 0) >= (end.line.cost_nanos or 0) > 0


async def test_no_call_begins_before_its_note_is_stored(bootstrap: str, topic_prefix: str) -> None:
    """A journal that takes nothing holds the calls; when it takes notes again, they begin."""
    async with staged(bootstrap, topic_prefix, *MODELS) as stage, running_member(stage.settings) as member:
        await member.has_claimed(4)
        await stage.let_topic_hold(stage.settings.topics.journal, 400)

        async def is_shut() -> bool:
            return not await takes_notes(stage)

        await eventually_found(is_shut)
        run = await stage.ask(MODEL)
        await eventually(lambda: member.worker.consumer.dispatch.running == 1)
        assert await stays(lambda: stage.mock.stats.snapshot()["requests"], 1.0)
        assert stage.mock.stats.snapshot()["requests"] == 0
        await stage.let_topic_hold(stage.settings.topics.journal, 10**6)
        assert (await stage.outputs.result(run)).status == "completed"


async def test_calls_of_a_killed_worker_are_all_billed(bootstrap: str, topic_prefix: str, tmp_path: Path) -> None:
    """Each call that the provider served has one line: of those cut by the kill the bound, of the others the usage."""
    async with staged(bootstrap, topic_prefix, *MODELS, kafka=QUICK_SESSION, provider=SHORT_CALLS) as stage:
        with running_program(stage.settings, tmp_path) as program:
            await all_claimed(stage, program)
            quick = await stage.ask_many((n % 4, stage.request(MODEL)) for n in range(8))
            await are_answered(stage, quick)
            runs = await stage.ask_many((n % 4, stage.request(LONG)) for n in range(8))
            await are_streaming(stage, runs)
            program.kill()
        async with running_member(stage.settings) as member:
            await are_answered(stage, runs)
            await eventually(lambda: nothing_is_left(member), lambda: member.worker.consumer.assignments)
        calls = await accounted(stage.mock, stage.outputs)
        # On a busy machine a call may pass its own timeout and be made again: that one is billed like any other.
        assert len(calls) >= 24
        assert billed(stage.outputs) == calls
        bounds = billed(stage.outputs, "upper_bound")
        assert bounds <= {call.client_request_id for call in stage.mock.stats.calls if call.outcome == "cancelled"}
        assert bounds == open_calls(stage.outputs)
        assert len(bounds) == 8


async def test_a_frozen_worker_leaves_no_call_unbilled(bootstrap: str, topic_prefix: str, tmp_path: Path) -> None:
    """It wakes up long after its session, with requests whose time has come, and calls nobody behind its successor's back.

    What ran when it froze is billed once: as it ended, or at its bound.
    """
    async with staged(bootstrap, topic_prefix, *MODELS, kafka=QUICK_SESSION, provider=SHORT_CALLS) as stage:
        with running_program(stage.settings, tmp_path) as program:
            await all_claimed(stage, program)
            soon = stage.time_in(2.0)
            late = await stage.ask_many((n % 4, stage.request(SHORT, not_before=soon)) for n in range(16))
            runs = await stage.ask_many((n % 4, stage.request(LONG)) for n in range(8))
            await are_streaming(stage, runs)
            program.pause()
            await stage.outputs.rest()
            frozen = {note.owner for note in stage.outputs.notes}
            async with running_member(stage.settings) as other:
                await other.has_claimed(4)
                await are_answered(stage, runs)
                before = {call.client_request_id for call in stage.mock.stats.calls}
                program.resume()
                await eventually(lambda: other.claimed == 2, lambda: other.worker.consumer)
                await are_answered(stage, [*runs, *late])
                calls = await accounted(stage.mock, stage.outputs)
        begun = [note for note in stage.outputs.notes if isinstance(note, CallStarted)]
        assert not {note.line.usage_id for note in begun if note.owner in frozen} & (calls - before)
        assert billed(stage.outputs) - calls <= billed(stage.outputs, "upper_bound")


async def test_a_worker_that_is_stopped_leaves_nothing_to_find(
    bootstrap: str, topic_prefix: str, tmp_path: Path
) -> None:
    """Whether its calls could end or were cut: the journal says how each one ended, and nobody bills a bound."""
    async with staged(bootstrap, topic_prefix, *MODELS) as stage:
        with running_program(stage.settings, tmp_path) as program:
            await all_claimed(stage, program)
            runs = await stage.ask_many((n % 4, stage.request(LONG)) for n in range(4))
            cut = await stage.ask_many((n % 4, stage.request(ENDLESS)) for n in range(4))
            await are_streaming(stage, [*runs, *cut])
            program.terminate()
            await stage.outputs.until(lambda: all(stage.outputs.results_of(run) for run in runs))
            program.terminate()
            assert await program.exit_code() == 0
        before = await accounted(stage.mock, stage.outputs)
        assert open_calls(stage.outputs) == set()
        assert billed(stage.outputs) == before
        assert billed(stage.outputs, "upper_bound") == set()
        async with running_member(stage.settings) as member:
            await eventually(lambda: nothing_is_left(member), lambda: member.worker.consumer.assignments)
            # Chunks of the calls that were cut are there already.
            await stage.outputs.until(lambda: all(attempts_of(stage, run) > 1 for run in cut))
        assert before < await accounted(stage.mock, stage.outputs) == billed(stage.outputs)
        assert billed(stage.outputs, "upper_bound") == set()


async def test_a_rolling_restart_loses_no_call(bootstrap: str, topic_prefix: str) -> None:
    """Three members are replaced one after the other while requests come in: no call without its own bill."""
    async with staged(bootstrap, topic_prefix, *MODELS, kafka=QUICK_SESSION) as stage:
        members = [running_member(stage.settings) for _ in range(6)]
        runs: list[RunId] = []

        async def send() -> None:
            while True:
                runs.extend(await stage.ask_many((n, stage.request(SHORT)) for n in range(4)))
                await asyncio.sleep(0.1)

        former = [await member.__aenter__() for member in members[:3]]
        sending = asyncio.create_task(send())
        try:
            await eventually(lambda: sum(member.claimed for member in former) == 4)
            for old, new in zip(former, members[3:], strict=True):
                await stage.outputs.until(lambda: len(stage.outputs.results) >= len(runs) // 3)
                await old.worker.drain()
                await new.__aenter__()
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            await are_answered(stage, runs)
        finally:
            sending.cancel()
            for member in members:
                await member.__aexit__(None, None, None)
        assert await accounted(stage.mock, stage.outputs) == billed(stage.outputs)
        assert billed(stage.outputs, "upper_bound") == open_calls(stage.outputs) == set()


async def test_a_worker_that_leaves_takes_no_call_with_it(bootstrap: str, topic_prefix: str) -> None:
    """The other one's calls run through while it takes over; nothing is bought twice."""
    async with (
        staged(bootstrap, topic_prefix, *MODELS, kafka=QUICK_SESSION) as stage,
        running_member(stage.settings) as one,
        running_member(stage.settings) as two,
    ):
        await asyncio.gather(one.has_claimed(2), two.has_claimed(2))
        stay = [assignment.key.partition for assignment in one.requested]
        runs = await stage.ask_many((n, stage.request(LONGER)) for n in (*stay, *stay))
        short = await stage.ask_many((n % 4, stage.request(SHORT)) for n in range(8))
        await are_streaming(stage, [*runs, *short])
        assert await two.worker.drain() == 0
        await one.has_claimed(4)
        await stage.outputs.rest()
        assert not any(stage.outputs.results_of(run) for run in runs)
        more = await stage.ask_many((n % 4, stage.request(MODEL)) for n in range(4))
        await are_answered(stage, [*runs, *short, *more])
        calls = await accounted(stage.mock, stage.outputs)
        assert (len(calls), billed(stage.outputs)) == (16, calls)
        assert billed(stage.outputs, "upper_bound") == open_calls(stage.outputs) == set()
