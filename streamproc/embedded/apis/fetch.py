"""Fetch: records from an offset on, waited for if need be."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from aiokafka.protocol.fetch import FetchRequest_v11

from streamproc.embedded.cluster import Client, Cluster
from streamproc.embedded.codes import Code
from streamproc.embedded.log import PartitionLog

__all__ = ["NAME", "REQUESTS", "answer"]

NAME = "Fetch"
REQUESTS = (FetchRequest_v11,)

_MAX_BYTES = 55 * 1024 * 1024
"""Kafka's default of `fetch.max.bytes` of a broker."""

_UNKNOWN = -1


class _Wanted(NamedTuple):
    topic: str
    partition: int
    leader_epoch: int
    offset: int
    max_bytes: int
    fault: Code | None
    log: PartitionLog | None

    @property
    def code(self) -> Code:
        """Why there are no records, if there is a reason; may change while records are waited for."""
        if self.fault is not None:
            return self.fault
        if self.log is None or self.log.is_closed:
            return Code.UNKNOWN_TOPIC_OR_PARTITION
        if self.leader_epoch > 0:  # there is one leader for ever
            return Code.UNKNOWN_LEADER_EPOCH
        return Code.NONE if self.log.start <= self.offset <= self.log.end else Code.OFFSET_OUT_OF_RANGE


async def answer(cluster: Cluster, client: Client, request: FetchRequest_v11) -> tuple[Any, ...]:
    """Throttle time, code, session id (always 0: each request names all its partitions), topics with partitions."""
    del client
    if request.session_epoch > 0:  # goes on with a session, and there are none
        return 0, Code.FETCH_SESSION_ID_NOT_FOUND, 0, []
    committed = request.isolation_level == 1
    wanted = [_wanted(cluster, topic, *fields) for topic, partitions in request.topics for fields in partitions]
    if request.max_wait_time > 0 and request.min_bytes > 0 and wanted:
        await _records(wanted, request.min_bytes, request.max_wait_time / 1000, committed=committed)
    left = min(request.max_bytes, _MAX_BYTES)
    is_empty = True
    topics: dict[str, list[tuple[Any, ...]]] = {}
    for one in wanted:
        fields = _partition(one, left, committed=committed, at_least_one=is_empty)
        size = len(fields[-1])
        left, is_empty = max(0, left - size), is_empty and not size
        topics.setdefault(one.topic, []).append(fields)
    return 0, Code.NONE, 0, list(topics.items())


def _wanted(
    cluster: Cluster, topic: str, partition: int, leader_epoch: int, offset: int, log_start: int, max_bytes: int
) -> _Wanted:
    del log_start  # it is a follower's
    fault = cluster.faults.code(NAME, topic, partition)
    return _Wanted(topic, partition, leader_epoch, offset, max_bytes, fault, cluster.topics.log(topic, partition))


async def _records(wanted: Sequence[_Wanted], min_bytes: int, seconds: float, *, committed: bool) -> None:
    """Returns when there are so many bytes, or an error to tell, or the time is over."""
    grown = asyncio.Event()
    with _watching(wanted, grown, committed=committed), suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not _is_enough(wanted, min_bytes, committed=committed):
                grown.clear()
                await grown.wait()


@contextmanager
def _watching(wanted: Sequence[_Wanted], event: asyncio.Event, *, committed: bool) -> Iterator[None]:
    logs = [one.log for one in wanted if one.log is not None]
    for log in logs:
        log.watch(event, committed=committed)
    try:
        yield
    finally:
        for log in logs:
            log.unwatch(event)


def _is_enough(wanted: Sequence[_Wanted], min_bytes: int, *, committed: bool) -> bool:
    size = 0
    for one in wanted:
        if one.code or one.log is None:
            return True
        size += min(one.log.available(one.offset, committed=committed), one.max_bytes)
    return size >= min_bytes


def _partition(one: _Wanted, left: int, *, committed: bool, at_least_one: bool) -> tuple[Any, ...]:
    """Partition, code, end, last stable offset, start, aborted transactions, replica to read from, batches."""
    if one.code or one.log is None:
        return one.partition, one.code, _UNKNOWN, _UNKNOWN, _UNKNOWN, None, _UNKNOWN, b""
    log = one.log
    found = log.read(one.offset, committed=committed, max_bytes=min(one.max_bytes, left), at_least_one=at_least_one)
    aborted = [(transaction.producer_id, transaction.first_offset) for transaction in found.aborted]
    return (
        one.partition,
        Code.NONE,
        log.end,
        log.stable,
        log.start,
        aborted if committed else None,
        _UNKNOWN,
        found.data,
    )
