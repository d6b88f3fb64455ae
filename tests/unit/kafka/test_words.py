"""Operators' words, as they stand on their topic: what is taken, and what is told and passed by."""

from collections.abc import AsyncGenerator

import pytest
from aiokafka import ConsumerRecord, TopicPartition

from streamproc.kafka.fetch import Records
from streamproc.kafka.tail import Tail
from streamproc.kafka.words import LastWords
from streamproc.money.caps import Said
from streamproc.money.configured import configured_caps
from streamproc.money.verdict import Refused
from streamproc.observe.events import ControlTrouble
from streamproc.records.admin import Resume, SetCap, Stop, Word, key_of
from streamproc.records.codec import encode
from streamproc.records.pattern import Pattern
from streamproc.settings.budgets import BudgetSettings, CapSettings
from tests.fakes import FakeClock, Seen
from tests.unit.money.test_caps import a_spend, one_check

CAP = SetCap(kind="set", scope="tenant=acme", window="day", unit="nanos", amount=5)
STOP = Stop(kind="stop", scope="user=bob", tenant="acme")
BOB = Pattern("user", "bob", "acme")


class MemoryTail(Tail):
    """A partition in memory."""

    def __init__(self) -> None:
        self.stored: list[ConsumerRecord[bytes, bytes]] = []

    def put(self, key: bytes | None, value: bytes | None, at_ms: int = 7) -> None:
        """One more record."""
        offset = len(self.stored)
        self.stored.append(ConsumerRecord("admin", 0, offset, at_ms, 0, key, value, 0, 0, 0, ()))

    def say(self, word: Word, at_ms: int = 7) -> None:
        """A word as the command writes it."""
        self.put(key_of(word), encode(word), at_ms)

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass

    async def read(self, key: TopicPartition, offset: int) -> AsyncGenerator[Records, None]:
        yield Records(self.stored[offset:], len(self.stored))


async def read(tail: MemoryTail) -> tuple[LastWords, Seen]:
    """What is known when all of it is read."""
    seen = Seen()
    words = LastWords(tail, "admin", FakeClock(), seen)
    await words.start()
    return words, seen


async def test_the_last_word_on_each_thing_holds() -> None:
    """A cap and a stop of one scope are two things. A record without a value takes a word back."""
    tail = MemoryTail()
    tail.say(CAP)
    tail.say(CAP.model_copy(update={"amount": 9}))
    tail.say(STOP, 11)
    words, _ = await read(tail)
    assert words.words.amounts == {(Pattern("tenant", "acme"), "day", "nanos"): 9}
    assert words.words.states == {BOB: Said(is_stopped=True, at_ms=11, order=2)}
    tail.say(Resume(kind="resume", scope="user=bob", tenant="acme"), 13)
    tail.put(key_of(CAP), None)
    words, _ = await read(tail)
    assert words.words.amounts == {}
    assert words.words.states == {BOB: Said(is_stopped=False, at_ms=13, order=3)}


async def test_what_is_no_word_is_told_and_passed_by() -> None:
    """Bytes, an unknown field, a scope that is none, a key of something else: compaction would mix them up."""
    tail = MemoryTail()
    tail.put(b"x", b"\xff no JSON")
    tail.put(key_of(STOP), encode(STOP)[:-1] + b',"until":"tomorrow"}')
    tail.put(key_of(STOP), b'{"kind":"stop","scope":"user=bob or so"}')
    tail.put(key_of(CAP), encode(STOP))
    tail.put(None, encode(STOP))
    tail.put(b"never said", None)
    tail.say(CAP)
    words, seen = await read(tail)
    assert len(words) == 1
    told = [trouble.sentence for trouble in seen.of(ControlTrouble) if isinstance(trouble, ControlTrouble)]
    assert [sentence.split(" is no word")[0] for sentence in told] == [f"admin/0/{offset}" for offset in range(5)]
    assert "unknown field 'until'" in told[1]


@pytest.mark.parametrize("zone", ["Pacific/Apia", "America/New_York"])
@pytest.mark.parametrize("at_ms", [-(2**62), 2**62])
async def test_a_word_holds_whatever_time_its_record_claims(at_ms: int, zone: str) -> None:
    """A day was looked for around it that no calendar has, and each call of that scope ended as an internal error.

    A resume of such a time lifts the kill switch of no window that is current.
    """
    tail = MemoryTail()
    tail.say(Resume(kind="resume", scope="user=bob", tenant="acme"), at_ms)
    tail.say(Stop(kind="stop", scope="tenant=other"), at_ms)
    words, _ = await read(tail)
    own = BudgetSettings(time_zone=zone, caps=(CapSettings(scope="user=*", window="month", usd=100e-9, kill_at=0.5),))
    caps = configured_caps(own, words.words)
    assert one_check(caps.checks(a_spend())).kill_amount == 50
    assert isinstance(caps.checks(a_spend(tenant="other")), Refused)
