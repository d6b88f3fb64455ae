"""The replay of a dead letter: its original goes to the place it came from once more, as a new run."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from streamproc.errors import PublishFailed
from streamproc.kafka.connection import client_options, setup_errors
from streamproc.kafka.letter import Letter, Original
from streamproc.kafka.reader import Place
from streamproc.kafka.sender import Sender
from streamproc.records.dead_letter import HEADER_PREFIX
from streamproc.records.identity import RunId
from streamproc.settings.settings import Settings

__all__ = ["Replay", "ReplaySender", "Sent", "send_all"]

_Record = TypeVar("_Record")

_MAX_REQUEST_BYTES = 100 * 2**20
"""Above what brokers take, so that it is the topic's own limit that decides: the original did fit into it."""


@dataclass(frozen=True, slots=True)
class Replay:
    """A record to publish, and the run of the letter it is made from."""

    letter: str
    place: Place
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]

    @classmethod
    def of(cls, letter: Letter, original: Original, value: bytes | None = None) -> "Replay":
        """The original with the mark of a replay; `value`, where given, takes the place of its value.

        The mark names the run of this letter, also when that run was a replay itself: so the chain can be followed.
        """
        own = tuple(
            (name, content)
            for name, content in original.headers
            if name != "replay_of" and not name.startswith(HEADER_PREFIX)
        )
        told = letter.told
        return cls(
            told.run_id,
            Place(told.topic, told.partition),
            original.key,
            original.value if value is None else value,
            (*own, ("replay_of", told.run_id.encode())),
        )


class ReplaySender(Sender):
    """Sends to given partitions. Made by `connect`."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__({**options, "max_request_size": _MAX_REQUEST_BYTES})

    @classmethod
    @asynccontextmanager
    async def connect(cls, settings: Settings) -> "AsyncIterator[ReplaySender]":
        """A connected sender.

        Raises:
            SetupError: Kafka cannot be reached, or refuses us.
        """
        sender = cls(client_options(settings.kafka))
        with setup_errors(settings.kafka, "connecting"):
            await sender.start()
        try:
            yield sender
        finally:
            await sender.stop()

    async def replay(self, record: Replay, timestamp_ms: int) -> Awaitable[RunId]:
        """Hands a record over; what it gives, once awaited, is the new run's id.

        Raises:
            PublishFailed: Kafka did not take it (from here, or from what is awaited).
        """
        return await self.send(
            record.place.topic,
            record.key,
            record.value,
            record.headers,
            timestamp_ms,
            partition=record.place.partition,
            what=f"the replay of {record.letter}",
        )


@dataclass(frozen=True, slots=True)
class Sent:
    """The runs that Kafka has, and what ended the sending before all were."""

    run_ids: list[RunId]
    problem: PublishFailed | asyncio.CancelledError | None


async def send_all(send: Callable[[_Record], Awaitable[Awaitable[RunId]]], records: Iterable[_Record]) -> Sent:
    """Sends until the first failure or a cancellation, and then waits for what was handed over: its fate is told."""
    under_way: list[asyncio.Future[RunId]] = []
    problem: PublishFailed | asyncio.CancelledError | None = None
    try:
        for one in records:
            under_way.append(asyncio.ensure_future(await send(one)))  # noqa: PERF401 a failure keeps what was sent
    except (PublishFailed, asyncio.CancelledError) as exc:
        problem = exc
    while not all(future.done() for future in under_way):
        try:
            await asyncio.wait(under_way)
        except asyncio.CancelledError as exc:
            problem = exc
    run_ids = []
    for future in under_way:
        try:
            run_ids.append(future.result())
        except PublishFailed as exc:
            problem = problem or exc
    return Sent(run_ids, problem)
