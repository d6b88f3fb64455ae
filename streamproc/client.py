"""The client: submits requests and follows their streams, by the reader's rules.

async with Client.connect(settings) as client:
    run_id = await client.submit({"request_id": "a", "model": "m", "messages": [...]})
    async for update in client.follow([run_id]):
        ...
"""

import time
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from pydantic import ValidationError

from streamproc.errors import InvalidRequest, SetupError
from streamproc.kafka.connection import client_options, setup_errors
from streamproc.kafka.reader import Place, Reader, Record
from streamproc.kafka.sender import Sender, check_size
from streamproc.records.codec import (
    RequestDecoder,
    decode_cancel,
    decode_chunk,
    decode_result,
    encode,
    encode_json,
    rfc3339,
)
from streamproc.records.control import Cancel
from streamproc.records.headers import event_headers
from streamproc.records.identity import RunId
from streamproc.records.view import Finished, Piece, Reset, StreamView, Update
from streamproc.settings.settings import Settings

__all__ = ["Client", "Finished", "Piece", "Reset", "Stalled", "Update"]

_LAST_CHUNK_SECONDS = 2.0
_READ_SECONDS = 0.25
_CLOCK_SKEW_MS = 60_000


class Stalled(Exception):
    """Nothing came for a while. The runs may still be going on: nothing failed."""

    def __init__(self, waiting: int, seconds: float) -> None:
        super().__init__(f"nothing came for {seconds:g} s; {waiting} runs have no result yet and may still go on")
        self.waiting = waiting


class Client:
    """Talks to the topics that the settings name. Made by `connect`."""

    def __init__(self, settings: Settings, sender: Sender, reader: Reader) -> None:
        self._settings = settings
        self._sender = sender
        self._reader = reader
        self._decoder = RequestDecoder(
            max_bytes=settings.limits.max_request_bytes,
            max_messages=settings.limits.max_messages,
            max_output_tokens=settings.limits.max_output_tokens,
        )
        self._starts: dict[Place, int] = {}
        self._known_topics: set[str] = set()

    @classmethod
    @asynccontextmanager
    async def connect(cls, settings: Settings) -> "AsyncIterator[Client]":
        """A connected client.

        Raises:
            SetupError: Kafka cannot be reached, or a topic is missing.
        """
        options = client_options(settings.kafka)
        async with AsyncExitStack() as stack:
            with setup_errors(settings.kafka, "connecting"):
                sender = Sender(options)
                await sender.start()
                stack.push_async_callback(sender.stop)
                reader = Reader(options)
                await reader.start()
                stack.push_async_callback(reader.stop)
            client = cls(settings, sender, reader)
            with setup_errors(settings.kafka, "reading topics"):
                await client._note_ends()
            yield client

    async def _note_ends(self) -> None:
        # Results of what is submitted from here on can only come after these offsets.
        topics = self._settings.topics
        for topic in (topics.results, topics.chunks):
            self._starts |= await self._reader.ends(await self._reader.existing(topic))

    def check(self, value: bytes) -> str:
        """The request id of a request in bytes.

        Raises:
            InvalidRequest: with one sentence that names the field, or says that it is larger than a client sends.
        """
        check_size(value)
        return self._decoder.decode(value).request_id

    async def submit_bytes(self, value: bytes, request_id: str, topic: str | None = None) -> Awaitable[RunId]:
        """Hands a request over; what it gives, once awaited, is the run id.

        Raises:
            SetupError: the topic does not exist, or is for other records than requests.
        """
        topic = self._settings.sources[0].topic if topic is None else topic
        if topic in {*self._settings.topics.outputs(), *self._settings.control_topics()}:
            raise SetupError(f"topic {topic} is no request topic: the workers write or read other records there")
        await self._check_exists(topic)
        now = time.time()
        headers = event_headers("request", request_id, rfc3339(now), None)
        what = f"request {request_id}"
        return await self._sender.send(topic, request_id.encode(), value, headers, int(now * 1000), what=what)

    async def submit(self, request: Mapping[str, Any], topic: str | None = None) -> RunId:
        """Publishes a request and gives its run id once Kafka has it.

        Raises:
            InvalidRequest: the request would be refused.
            PublishFailed: Kafka did not take it.
        """
        value = encode_json(request)
        return await (await self.submit_bytes(value, self.check(value), topic))

    async def _check_exists(self, topic: str) -> None:
        if topic not in self._known_topics:
            # Asked once: a producer would wait for a missing topic for as long as a request may take.
            await self._reader.existing(topic)
            self._known_topics.add(topic)

    async def cancel(
        self, run: RunId | None = None, *, request_id: str | None = None, tenant: str | None = None
    ) -> Cancel:
        """Asks the workers to end a run, or all requests of a tenant with one request id that are there by now.

        Returns as soon as Kafka has it, with what it has; a run that has its result already is not changed. Without
        `tenant` a run's own is looked up: pinned by its source, or in its request.

        Raises:
            InvalidRequest: neither or both are named, or a name is none.
            SetupError: the tenant is not told and cannot be found, or the control topic does not exist.
            PublishFailed: Kafka did not take it.
        """
        if run is not None and tenant is None:
            tenant = await self._tenant_of(run)
        run_id = None if run is None else str(run)
        names = {"tenant": tenant, "run_id": run_id, "request_id": request_id}
        cancel = decode_cancel(encode_json({"kind": "cancel", **names}))
        own = {tenant: topic for topic, tenant in self._settings.control_topics().items()}
        topic = own.get(tenant, self._settings.topics.control)
        await self._check_exists(topic)
        now = time.time()
        key = run_id or request_id or ""
        headers = event_headers("cancel", key, rfc3339(now), None)
        await (await self._sender.send(topic, key.encode(), encode(cancel), headers, int(now * 1000)))
        return cancel

    async def _tenant_of(self, run: RunId) -> str:
        for source in self._settings.sources:
            if source.topic == run.topic and source.tenant is not None:
                return source.tenant
        place = Place(run.topic, run.partition)
        if place not in await self._reader.existing(run.topic):
            raise SetupError(f"topic {run.topic} has no partition {run.partition}")
        record = await self._reader.record_at(place, run.offset)
        if record is None or record.timestamp_ms != run.timestamp_ms:
            raise SetupError(f"the request of {run} is not there any more, so its tenant is not known: name the tenant")
        try:
            return self._decoder.decode(record.value).tenant
        except InvalidRequest as error:
            raise SetupError(f"the record of {run} is no valid request, there is nothing to cancel: {error}") from error

    async def follow(
        self,
        runs: Iterable[RunId],
        *,
        chunks: bool = True,
        stalled_seconds: float | None = None,
        from_the_past: bool = False,
    ) -> AsyncIterator[Update]:
        """Updates of these runs, each run's in order, until every one has its result.

        Args:
            runs: run ids.
            chunks: whether to read tokens, or results only.
            stalled_seconds: how long silence is waited for; None waits for ever.
            from_the_past: the runs may be older than this client: their records are looked up by time.

        Raises:
            Stalled: nothing came for `stalled_seconds`.
        """
        views = {str(run): StreamView(str(run)) for run in runs}
        self._reader.seek(await self._positions(views, chunks=chunks, from_the_past=from_the_past))
        decided: dict[str, float] = {}
        last = time.monotonic()
        while views:
            records = await self._reader.read(_READ_SECONDS)
            now = time.monotonic()
            updates = [update for record in records for update in self._apply(record, views, chunks=chunks)]
            for run_id, view in views.items():
                if view.result is not None and now - decided.setdefault(run_id, now) > _LAST_CHUNK_SECONDS:
                    updates += view.give_up()
            for update in updates:
                if isinstance(update, Finished):
                    del views[update.run_id]
                    decided.pop(update.run_id, None)
                yield update
            if updates:
                last = time.monotonic()
            elif stalled_seconds is not None and now - last > stalled_seconds:
                raise Stalled(len(views), stalled_seconds)

    def _apply(self, record: Record, views: Mapping[str, StreamView], *, chunks: bool) -> list[Update]:
        if record.value is None:
            return []
        try:
            if record.place.topic == self._settings.topics.chunks:
                chunk = decode_chunk(record.value)
                view = views.get(chunk.run_id)
                return view.add_chunk(chunk) if view else []
            result = decode_result(record.value)
        except ValidationError:
            return []  # not ours, or from a later version: readers ignore what they do not know
        view = views.get(result.run_id)
        if view is None:
            return []
        updates = view.add_result(result)
        return updates if chunks else updates + view.give_up()

    async def _positions(
        self, views: Mapping[str, StreamView], *, chunks: bool, from_the_past: bool
    ) -> dict[Place, int]:
        topics = self._settings.topics
        names = (topics.results, topics.chunks) if chunks else (topics.results,)
        runs = [RunId.parse(run_id) for run_id in views]
        wanted = {Place(name, run.partition) for name in names for run in runs}
        missing = wanted - self._starts.keys()
        if missing:
            place = min(missing)
            raise SetupError(f"topic {place.topic} has no partition {place.partition}")
        if not from_the_past or not runs:
            return {place: self._starts[place] for place in wanted}
        # The worker's clock may be behind the sender's, and a sender may write any time.
        oldest = min(*(run.timestamp_ms for run in runs), int(time.time() * 1000))
        return await self._reader.offsets_at(wanted, max(oldest - _CLOCK_SKEW_MS, 0))
