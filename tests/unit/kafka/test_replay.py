"""Replays: what is sent, and what is known of it when the sending ends early."""

import asyncio
from collections.abc import Awaitable

from streamproc.errors import PublishFailed
from streamproc.kafka.letter import Letter, Original
from streamproc.kafka.reader import Place
from streamproc.kafka.replay import Replay, Sent, send_all
from streamproc.records.dead_letter import DeadLetter
from streamproc.records.identity import RunId

TOLD = DeadLetter(reason="r", code="c", run_id="t/3/1@5", topic="t", partition=3, offset=1, timestamp_ms=5)
HEADERS = (("x", None), ("replay_of", b"old/0/0@1"), ("dlq.reason", b"r"), ("x", b"2"))
REPLAYS = [Replay(f"t/0/{number}@5", Place("t", 0), None, b"v", ()) for number in range(3)]


def test_a_replay_is_the_original_with_its_mark() -> None:
    """One mark, of this letter's run, also when the original was a replay itself."""
    letter = Letter(TOLD, 9, None, 1, None, None)
    original = Original(b"k", None, HEADERS)
    made = Replay.of(letter, original)
    assert made == Replay("t/3/1@5", Place("t", 3), b"k", None, (("x", None), ("x", b"2"), ("replay_of", b"t/3/1@5")))
    assert Replay.of(letter, original, b"new").value == b"new"


class Broker:
    """Acknowledges when told; the run `refused` is not taken."""

    def __init__(self, refused: int | None = None, blocked: int | None = None) -> None:
        self.acknowledge = asyncio.Event()
        self.handed_over: list[str] = []
        self._refused, self._blocked = refused, blocked

    async def send(self, one: Replay) -> Awaitable[RunId]:
        number = len(self.handed_over)
        if number == self._blocked:
            await asyncio.Event().wait()
        self.handed_over.append(one.letter)
        return self._stored(number)

    async def _stored(self, number: int) -> RunId:
        await self.acknowledge.wait()
        if number == self._refused:
            raise PublishFailed("refused")
        return RunId("t", 0, 100 + number, 7)


async def turns() -> None:
    """Lets every task go as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


def offsets(sent: Sent) -> list[int]:
    """Of the new runs."""
    return [run.offset for run in sent.run_ids]


async def test_all_are_sent_and_told_in_their_order() -> None:
    """Handed over together, not one acknowledgement after the other."""
    broker = Broker()
    task = asyncio.create_task(send_all(broker.send, REPLAYS))
    await turns()
    assert broker.handed_over == [one.letter for one in REPLAYS]
    broker.acknowledge.set()
    sent = await task
    assert (offsets(sent), sent.problem) == ([100, 101, 102], None)


async def test_a_refusal_does_not_hide_what_was_stored() -> None:
    """The others' ids are known beside the failure."""
    broker = Broker(refused=1)
    broker.acknowledge.set()
    sent = await send_all(broker.send, REPLAYS)
    assert offsets(sent) == [100, 102]
    assert isinstance(sent.problem, PublishFailed)


async def test_who_interrupts_gets_the_fate_of_what_was_handed_over() -> None:
    """Nothing more is handed over; acknowledgements under way are waited for, also when interrupted there."""
    for blocked, expected in ((1, [100]), (None, [100, 101, 102])):
        broker = Broker(blocked=blocked)
        task = asyncio.create_task(send_all(broker.send, REPLAYS))
        await turns()
        task.cancel()
        await turns()
        assert not task.done()
        broker.acknowledge.set()
        sent = await task
        assert offsets(sent) == expected
        assert isinstance(sent.problem, asyncio.CancelledError)
