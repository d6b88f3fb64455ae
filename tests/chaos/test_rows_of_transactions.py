"""The failure table, rows 4 to 8, 10, 11 and 13: a worker dies, freezes or is refused at a step of its transaction."""

from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from tests.chaos.proxy import Proxy
from tests.chaos.scene import QUICK, Scene, scene
from tests.chaos.step import Hold, Side
from tests.contract.harness.waiting import stays


def hold(act: Scene, api: str, side: Side) -> Hold:
    """A step of the next transaction that the victim makes; of records, that with the results."""
    return act.proxy.hold(api, side, topic=act.stage.settings.topics.results if api == "Produce" else None)


@pytest.mark.parametrize(
    ("api", "side"),
    [
        ("AddPartitionsToTxn", "request"),
        ("AddPartitionsToTxn", "answer"),
        ("Produce", "answer"),
        ("AddOffsetsToTxn", "answer"),
        ("TxnOffsetCommit", "request"),
    ],
)
async def test_row_4_killed_in_an_open_transaction(
    api: str, side: Side, kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    """Its records are never seen; the next owner's claim ends the transaction, and the run is answered once."""
    await killed_at(api, side, kafka, topic_prefix, tmp_path, survives=False)


@pytest.mark.parametrize(("api", "side"), [("TxnOffsetCommit", "answer"), ("EndTxn", "request")])
async def test_row_5_killed_between_its_offset_and_its_end(
    api: str, side: Side, kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    """The offset that waits in the transaction is dropped with the records."""
    await killed_at(api, side, kafka, topic_prefix, tmp_path, survives=False)


async def test_row_6_killed_while_the_end_is_unanswered(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    """The broker has decided: the next owner waits for it, reads the offset behind it, and repeats nothing."""
    await killed_at("EndTxn", "answer", kafka, topic_prefix, tmp_path, survives=True)


async def killed_at(api: str, side: Side, kafka: str, topic_prefix: str, folder: Path, *, survives: bool) -> None:
    """Kills the victim at a step of the transaction with a result; `survives` says whether the broker keeps that."""
    async with scene(kafka, topic_prefix, folder) as act:
        async with act.victim() as victim:
            step = hold(act, api, side)
            runs = await act.ask(QUICK, 0)
            await step.reached()
            victim.kill()
            step.cut()
        async with act.successor():
            await act.is_answered(runs)
            await act.ask(QUICK, 0, 1, 2, 3)
            counts = await act.counts()
        assert counts.faults == {}
        if survives:
            assert act.bought_twice == 0


async def test_row_6_the_end_comes_while_the_next_owner_claims(
    embedded: str, topic_prefix: str, tmp_path: Path
) -> None:
    """It is on its way when its worker dies. What the next owner reads before it has shut that one out may be old."""
    kafka = {"instance_id": "one", "session_timeout_seconds": 30.0}  # who has the name next waits for no session
    async with scene(embedded, topic_prefix, tmp_path, kafka=kafka) as act, Proxy(embedded) as way:
        async with act.victim() as victim:
            end = hold(act, "EndTxn", "request")
            runs = await act.ask(QUICK, 0)
            await end.reached()
            victim.kill()
        name = act.transactional_id(0)
        shut_out = way.hold("InitProducerId", "request", meant=lambda request: request.transactional_id == name)
        async with act.successor(way):
            await shut_out.reached()
            end.release()
            await act.is_answered(runs)
            shut_out.release()
            await act.ask(QUICK, 0)
            assert (await act.counts()).faults == {}
        assert act.bought_twice == 0


async def test_row_7_the_answer_to_the_end_is_lost(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    """The worker lives, and never guesses: it asks again, or claims again and reads what was decided."""
    async with scene(kafka, topic_prefix, tmp_path) as act, act.victim():
        for _ in range(3):
            step = hold(act, "EndTxn", "answer")
            await act.ask(QUICK, 0, 1, 2, 3)
            await step.reached()
            step.cut()
        assert (await act.counts()).faults == {}
        assert act.bought_twice == 0


async def test_row_7_the_end_is_lost(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    """The same when the request does not get there."""
    async with scene(kafka, topic_prefix, tmp_path) as act, act.victim():
        for _ in range(3):
            step = hold(act, "EndTxn", "request")
            await act.ask(QUICK, 0, 1, 2, 3)
            await step.reached()
            step.cut()
        assert (await act.counts()).faults == {}
        assert act.bought_twice == 0


@pytest.mark.parametrize("side", ["request", "answer"])
async def test_row_7_the_end_is_lost_and_refused_when_it_is_asked_again(
    side: Side, kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    """Shut out meanwhile, the worker learns no more: it claims again, and reads whether its transaction counts."""
    async with scene(kafka, topic_prefix, tmp_path) as act, act.victim():
        for _ in range(2):
            step = hold(act, "EndTxn", side)
            await act.ask(QUICK, 0, 0, 0)
            await step.reached()
            producer = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=act.transactional_id(0))
            await producer.start()
            await producer.stop()
            step.cut()
        assert (await act.counts()).faults == {}
        assert act.bought_twice == 0


@pytest.mark.parametrize("stands_behind", [False, True])
async def test_row_8_killed_before_it_knows_of_its_commit(
    stands_behind: bool, kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    """The answer lies in its socket, unread: what is committed is done, whoever knows it.

    The offset says so, and where the run stands behind one that waits, the map beside the offset.
    """
    async with scene(kafka, topic_prefix, tmp_path) as act:
        async with act.victim() as victim:
            step = hold(act, "EndTxn", "answer")
            if stands_behind:
                await act.ask(QUICK, 0, not_before=act.stage.time_in(8))
            runs = await act.ask(QUICK, 0)
            await step.reached()
            victim.pause()
            step.release()
            await act.is_answered(runs)
            victim.kill()
        async with act.successor():
            await act.ask(QUICK, 0)  # behind the one that may not be repeated
            assert (await act.counts()).faults == {}
        assert act.bought_twice == 0


@pytest.mark.parametrize(
    ("row", "api", "side"),
    [(10, "AddPartitionsToTxn", "request"), (11, "Produce", "answer"), (11, "EndTxn", "request")],
)
async def test_rows_10_and_11_a_zombie_goes_on_with_its_transaction(
    row: int, api: str, side: Side, kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    """Frozen beyond its session before it began one, or with one open: its successor has shut it out."""
    async with scene(kafka, topic_prefix, tmp_path) as act:
        async with act.victim() as victim:
            step = hold(act, api, side)
            runs = await act.ask(QUICK, 0)
            await step.reached()
            victim.pause()
            async with act.successor() as other:
                await other.has_claimed(4)
                await act.is_answered(runs)
                step.release()
                victim.resume()
                await other.has_claimed(2)
                await act.ask(QUICK, 0, 1, 2, 3)
                counts = await act.counts()
        assert counts.faults == {}


async def test_row_13_one_record_of_a_transaction_is_refused(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    """The others are not seen either, until all of them are taken; nothing is bought again."""
    async with scene(kafka, topic_prefix, tmp_path) as act, act.victim() as victim:
        await act.stage.let_topic_hold(act.stage.settings.topics.usage, 200)
        await act.ask(QUICK, 0, 1)
        await victim.has_said("publish broke")

        def results() -> int:
            return len(act.stage.outputs.results)

        await act.stage.outputs.committed_so_far()
        assert results() == 0
        assert await stays(results, 0.5)
        await act.stage.let_topic_hold(act.stage.settings.topics.usage, 1_000_000)
        assert (await act.counts()).faults == {}
        assert act.bought_twice == 0
