"""What is read of the journal and of the usage topic beside it."""

import asyncio
from collections.abc import AsyncGenerator

from aiokafka import ConsumerRecord, TopicPartition

from streamproc.kafka.fetch import Records
from streamproc.kafka.inherited import Inherited, note_key
from streamproc.kafka.journals import Journals
from streamproc.kafka.tail import Tail
from streamproc.observe.events import JournalTrouble
from streamproc.records.codec import encode_usage
from streamproc.records.identity import RunId
from streamproc.records.notes import encode_started
from streamproc.records.outgoing import Headers
from tests.fakes import FakeClock, MemoryProducer, Seen, eventually
from tests.lines import a_line

KEY = TopicPartition("llm.requests", 3)
SECOND_MS = 1000


class MemoryTail(Tail):
    """One record a second, at offsets that are the seconds; the partition ends at 1,000."""

    def __init__(self) -> None:
        self.records: list[ConsumerRecord[bytes, bytes]] = []

    def put(self, offset: int, key: bytes | None, value: bytes | None, headers: Headers = ()) -> None:
        self.records.append(
            ConsumerRecord(
                "topic", 3, offset, offset * SECOND_MS, 0, key, value, None, len(key or b""), len(value or b""), headers
            )
        )

    async def stop(self) -> None:
        pass

    async def offset_at(self, key: TopicPartition, timestamp_ms: int) -> int:
        return max(timestamp_ms, 0) // SECOND_MS

    async def read(self, key: TopicPartition, offset: int) -> AsyncGenerator[Records, None]:
        for half in (500, 1000):
            there = [record for record in self.records if offset <= record.offset < half]
            offset = max(offset, half)
            yield Records(there, offset)


class Rig:
    """The journal and the usage topic, read from the same partition."""

    def __init__(self) -> None:
        self.tail, self.seen, self.inherited = MemoryTail(), Seen(), Inherited(0, ())
        self.producer = MemoryProducer()
        self.journals = Journals(
            self.producer, self.tail, "llm.journal", "llm.usage", FakeClock(), self.seen, waits=True
        )

    def note(self, at: int, run: int, owner: bytes = b"dead", key: TopicPartition = KEY) -> str:
        """A first note about the run of a record; gives its usage id."""
        line = a_line(f"llm.requests/3/{run}@1")
        value = encode_started(owner.decode(), line.run_id, encode_usage(line))
        self.tail.put(at, note_key(key, run), value, (("owner", owner),))
        return line.usage_id

    async def read(self, start: int) -> int:
        return await self.journals.read(KEY, "me", start, self.inherited)


async def test_the_end_of_a_call_waits_for_the_answers_note() -> None:
    """For a moment: most often both leave together."""
    rig = Rig()
    journal = rig.journals.open(KEY, "me", lambda: True)
    run = RunId("llm.requests", 3, 5, 1)
    journal.of(run, 5).ended(f"{run}/1000/1", None, "completed")
    loop = asyncio.get_running_loop()
    began = loop.time()
    await eventually(lambda: rig.producer.batches == [1])
    assert loop.time() - began > 0.035  # a machine that is busy only makes it longer
    await rig.journals.stop()


async def test_notes_of_other_owners_are_taken() -> None:
    """From the start on, to the end; not our own, and not those about other partitions."""
    rig = Rig()
    rig.note(99, 1)
    first = rig.note(100, 2)
    rig.note(101, 3, b"me")
    rig.note(102, 4, key=TopicPartition("other", 3))
    last = rig.note(999, 5)
    assert await rig.read(100) == 1000
    found = {usage_id: (call.note, call.timestamp_ms) for usage_id, call in rig.inherited.unbilled.items()}
    assert found == {first: (100, 100_000), last: (999, 999_000)}


async def test_what_is_no_note_is_told_and_passed_over() -> None:
    """Where it stands is said, so that somebody can look."""
    rig = Rig()
    rig.tail.put(7, note_key(KEY, 1), b"{}")
    there = rig.note(8, 2)
    assert await rig.read(0) == 1000
    assert list(rig.inherited.unbilled) == [there]
    assert [trouble.sentence for trouble in rig.seen.of(JournalTrouble)] == ["topic/3/7 is no note of the journal"]


async def test_published_bills_are_found_by_their_header() -> None:
    """From a minute before the oldest call on: clocks differ. What others wrote there is passed over."""
    rig = Rig()
    ids = [rig.note(at, at) for at in (200, 300, 400)]
    await rig.read(0)
    rig.tail.records.clear()
    rig.tail.put(139, b"k", b"", (("ce_id", ids[0].encode()),))
    rig.tail.put(140, b"k", b"", (("ce_id", ids[1].encode()),))
    rig.tail.put(600, b"k", b"", (("x", b"1"), ("ce_id", ids[2].encode())))
    rig.tail.put(601, b"k", b"", (("ce_id", b"somebody else's"),))
    rig.tail.put(602, b"k", b"", ())
    assert await rig.journals.published(3, rig.inherited.unbilled) == {ids[1], ids[2]}
