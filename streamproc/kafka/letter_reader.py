"""Reads dead letters, and the original of one that is kept by reference from the topic it came from."""

import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager

from streamproc.errors import SetupError, StreamprocError
from streamproc.kafka.connection import client_options, setup_errors
from streamproc.kafka.letter import Letter, Original, read_letter
from streamproc.kafka.reader import Place, Reader
from streamproc.records.headers import replay_of
from streamproc.records.identity import RunId
from streamproc.settings.settings import Settings

__all__ = ["LetterReader", "OriginalGone"]

_SILENCE_SECONDS = 20.0
_CLOCK_SKEW_MS = 60_000


class OriginalGone(StreamprocError):
    """The bytes of a letter that is kept by reference are no longer in their topic."""


class LetterReader(Reader):
    """Reads the dead letter topic up to the end that it has when the reading begins. Made by `connect`."""

    @classmethod
    @asynccontextmanager
    async def connect(cls, settings: Settings) -> "AsyncIterator[LetterReader]":
        """A connected reader; Kafka's errors inside the block are told in one sentence.

        Raises:
            SetupError: Kafka cannot be reached, or refuses us.
        """
        reader = cls(client_options(settings.kafka))
        with setup_errors(settings.kafka, "reading dead letters"):
            await reader.start()
            try:
                yield reader
            finally:
                await reader.stop()

    async def letters(
        self, places: Iterable[Place], tenants: Mapping[str, str], since_ms: int | None = None
    ) -> AsyncIterator[Letter]:
        """The letters of these partitions, none before `since_ms`; each partition's in their order.

        Raises:
            TimeoutError: Kafka sent nothing for 20 seconds, though there is more.
        """
        wanted = list(places)
        if not wanted:
            return
        ends = await self.ends(wanted)
        starts = await self.begins(wanted) if since_ms is None else await self.offsets_at(wanted, since_ms)
        async for record in self.read_between(starts, ends, _SILENCE_SECONDS):
            if (letter := read_letter(record, tenants)) is not None:
                yield letter

    async def find(self, topic: str, runs: Iterable[RunId], tenants: Mapping[str, str], now: float) -> list[Letter]:
        """The letters of these runs, and those of replays of them that were refused again.

        Raises:
            SetupError: a run has no dead letter, or the topic does not exist.
        """
        wanted = {str(run): run for run in runs}
        partitions = {run.partition for run in wanted.values()}
        places = [place for place in await self.existing(topic) if place.partition in partitions]
        oldest = min([*(run.timestamp_ms for run in wanted.values()), int(now * 1000)]) - _CLOCK_SKEW_MS
        missing = list(wanted)
        # A sender may set any time, also one after the letter's: so the whole partition is looked at before giving up.
        for since_ms in (max(oldest, 0), None):
            letters = [
                letter
                async for letter in self.letters(places, tenants, since_ms)
                if letter.told.run_id in wanted or (letter.original and replay_of(letter.original.headers) in wanted)
            ]
            found = {letter.told.run_id for letter in letters}
            missing = [run for run in wanted if run not in found]
            if not missing:
                return letters
        more = f" and of {len(missing) - 1} more runs" if len(missing) > 1 else ""
        raise SetupError(f"topic {topic} has no dead letter of {missing[0]}{more}: see `streamproc dead list`")

    async def original(self, letter: Letter) -> Original:
        """The refused record, fetched from its own topic when the letter has only a reference.

        Raises:
            OriginalGone: it is there no longer, or another record is in its place.
        """
        if letter.original is not None:
            return letter.original
        reference = letter.reference
        assert reference is not None  # noqa: S101 narrows the type for mypy: a letter has one or the other
        where = f"{reference.topic} partition {reference.partition} offset {reference.offset}"
        place = Place(reference.topic, reference.partition)
        if place not in await self.partitions(reference.topic):
            raise OriginalGone(f"the original of {letter.told.run_id} is gone: {where} does not exist any more")
        record = await self.record_at(place, reference.offset)
        if record is None:
            raise OriginalGone(f"the original of {letter.told.run_id} is gone: {where} is no longer kept")
        if hashlib.sha256(record.value or b"").hexdigest() != reference.sha256:
            raise OriginalGone(
                f"the original of {letter.told.run_id} is gone: {where} holds another record now (its sha256 differs)"
            )
        return Original(record.key, record.value, record.headers)
