"""The admin topic: every worker reads all of it, without a group, from the beginning and then live.

It has one partition, because the order counts. Who may write there decides on money: Kafka's ACLs guard it. What is no
word is told and passed by.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import NamedTuple

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from streamproc.chain.clock import Clock
from streamproc.errors import InvalidRequest
from streamproc.kafka.failure import failure_of
from streamproc.kafka.tail import Tail
from streamproc.money.caps import Said, Words
from streamproc.observe.events import ControlTrouble, Observer
from streamproc.records.admin import SetCap, Stop, Word, key_of
from streamproc.records.codec import decode_word

__all__ = ["LastWords"]

_LOOK_SECONDS = 0.5
_LATEST_MS = int(datetime(9998, 1, 1, tzinfo=UTC).timestamp() * 1000)
"""A record may claim any time. Around one that is later no zone's calendar has a day."""


class _Spoken(NamedTuple):
    word: Word
    at_ms: int
    offset: int


class LastWords:
    """What operators said last. `failure` is set when reading died of a defect."""

    def __init__(self, tail: Tail, topic: str, clock: Clock, observer: Observer) -> None:
        self._tail = tail
        self._key = TopicPartition(topic, 0)
        self._clock = clock
        self._observer = observer
        self._spoken: dict[bytes, _Spoken] = {}
        self._next = 0
        self._task: asyncio.Task[None] | None = None
        self.failure: BaseException | None = None

    def __len__(self) -> int:
        return len(self._spoken)

    @property
    def words(self) -> Words:
        """The words as the ledger has them."""
        amounts, states = {}, {}
        for word, at_ms, offset in self._spoken.values():
            if isinstance(word, SetCap):
                amounts[word.pattern, word.window, word.unit] = word.amount
            else:
                states[word.pattern] = Said(isinstance(word, Stop), at_ms, offset)
        return Words(amounts, states)

    async def start(self) -> None:
        """Reads what is there by now.

        Raises:
            KafkaError: no broker answers, or it refuses us.
        """
        await self._tail.start()
        await self._read()

    def follow(self, changed: Callable[[], Awaitable[None]]) -> None:
        """Goes on to read; `changed` is called when there was more."""
        self._task = asyncio.create_task(self._go_on(changed), name="words")
        self._task.add_done_callback(self._note_end)

    async def stop(self) -> None:
        """Disconnects."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._tail.stop()

    def _note_end(self, task: asyncio.Task[None]) -> None:
        self.failure = failure_of(task)

    async def _go_on(self, changed: Callable[[], Awaitable[None]]) -> None:
        while True:
            await self._clock.sleep(_LOOK_SECONDS)
            try:
                if await self._read():
                    await changed()
            except KafkaError as exc:
                self._observer.saw(ControlTrouble(self._key.topic, "unreadable", repr(exc)))

    async def _read(self) -> bool:
        heard = False
        async for found in self._tail.read(self._key, self._next):
            for record in found.records:
                heard = self._hear(record.key or b"", record.value, record.timestamp, record.offset) or heard
            self._next = found.next
        return heard

    def _hear(self, key: bytes, value: bytes | None, at_ms: int, offset: int) -> bool:
        if value is None:
            return self._spoken.pop(key, None) is not None
        try:
            word = decode_word(value)
            if key_of(word) != key:
                raise InvalidRequest(f"its key is not {key_of(word).decode()}")
        except InvalidRequest as error:
            where = f"{self._key.topic}/0/{offset}"
            self._observer.saw(ControlTrouble(self._key.topic, "no_word", f"{where} is no word: {error}"))
            return False
        self._spoken[key] = _Spoken(word, min(max(at_ms, 0), _LATEST_MS), offset)
        return True
