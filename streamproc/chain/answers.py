"""Stored answers: from the events of a complete answer to a store, and back."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from streamproc.chain.cache_rules import CacheRules, is_kept, ttl_of
from streamproc.chain.call import Call
from streamproc.chain.clock import Clock
from streamproc.chain.flight import Bought
from streamproc.chain.provider import Event
from streamproc.chain.stored_answer import StoredAnswer, decode_answer, encode_answer, pieces_of
from streamproc.observe.cache_events import AnswerStored, StoreTrouble
from streamproc.observe.events import (
    Observer,
)
from streamproc.records.request import Request
from streamproc.stores.store import Found, Store, StoreKey

__all__ = ["Answers", "FoundAnswer"]


class FoundAnswer(NamedTuple):
    """An answer that is good enough, and the store that had it."""

    answer: StoredAnswer
    place: Literal["memory", "redis"]


class Answers:
    """Gives and takes answers by the rules. A store that fails, or holds nonsense, is as one that has nothing."""

    def __init__(self, store: Store, rules: CacheRules, clock: Clock, observer: Observer) -> None:
        self._store = store
        self._clock = clock
        self._observer = observer
        self.rules = rules

    async def find(self, key: StoreKey, request: Request) -> FoundAnswer | None:
        """A stored answer that is no older than the request allows."""
        stored = await self._store.get(key)
        if stored is None or (found := self._read(stored, key)) is None:
            return None
        now, answer = self._clock.time(), found.answer
        oldest = request.cache_ttl_seconds
        if now >= answer.until or (oldest is not None and now - answer.stored_at > oldest):
            return None
        return found

    async def find_old(self, key: StoreKey) -> FoundAnswer | None:
        """A stored answer, also one whose time is over: it is kept for `stale_seconds` more."""
        stored = await self._store.get(key)
        return None if stored is None else self._read(stored, key)

    def _read(self, stored: Found, key: StoreKey) -> FoundAnswer | None:
        try:
            answer = decode_answer(stored.value, key.digest, self.rules.max_entry_bytes)
        except ValueError as exc:
            self._observer.saw(StoreTrouble("read", f"an answer in {stored.place} is not readable: {exc}"))
            return None
        if self._clock.time() >= answer.until + self.rules.stale_seconds:
            return None
        return FoundAnswer(answer, stored.place)

    def keep(self, key: StoreKey, call: Call, events: Sequence[Event], bought: Bought) -> None:
        """Stores an answer, if it is one to be kept and not too long."""
        completed = bought.completed
        if not is_kept(completed):
            return
        now, seconds = self._clock.time(), ttl_of(call.request, self.rules)
        answer = StoredAnswer(
            key=key.digest,
            stored_at=now,
            until=now + seconds,
            pieces=pieces_of(events),
            finish_reason=completed.finish_reason,
            tokens=bought.tokens,
            nanos=bought.nanos,
            model=completed.model,
            service_tier=completed.service_tier,
        )
        value = encode_answer(answer, self.rules.max_entry_bytes, self.rules.compress_above_bytes)
        if value is not None:
            self._store.put(key, value, seconds + self.rules.stale_seconds, seconds)
            self._observer.saw(AnswerStored(call.run_id, len(value)))
