"""Fetch: one request for a partition's batches, and their records, without aiokafka's own fetching in between."""

from collections.abc import Callable
from itertools import islice
from typing import Any, NamedTuple

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.errors import KafkaError, for_code
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record.memory_records import MemoryRecords

__all__ = ["Fetched", "Records", "fetch", "records_of"]

_MAX_BYTES = 1 << 20


class Fetched(NamedTuple):
    """Batches from an offset on, the transactions in them that were aborted, and where the partition ends.

    Nothing of an open transaction is among them.
    """

    key: TopicPartition
    offset: int
    end: int
    aborted: list[tuple[int, int]]
    data: bytes


async def fetch(client: Any, key: TopicPartition, offset: int, wait_ms: int) -> Fetched:
    """Asks the partition's leader, by the client of one of aiokafka's consumers.

    Where no record stands at the offset, the answer is held back for `wait_ms`, and with it those to all requests that
    come behind on the same connection.

    Raises:
        OffsetOutOfRangeError: there is no such offset any more, or not yet.
        KafkaError: the leader is away or unknown, or it refuses us.
    """
    leader = client.cluster.leader_for_partition(key)
    if leader is None or leader == -1:
        await client.force_metadata_update()
        raise KafkaError(f"{key.topic} partition {key.partition} has no known leader")
    request = FetchRequest(
        wait_ms, 1, _MAX_BYTES, READ_COMMITTED, [(key.topic, [(key.partition, offset, _MAX_BYTES)])], rack_id=""
    )
    response = await client.send(leader, request)
    [(_, [(_, code, end, *rest)])] = response.topics
    if code:
        await client.force_metadata_update()
        raise for_code(code)(f"fetch of {key.topic} {key.partition} failed")
    # Version 11 and later tell a preferred replica between the aborted transactions and the batches.
    aborted = rest[2] if response.API_VERSION >= 11 else rest[-2]  # noqa: PLR2004 the protocol's own number
    return Fetched(key, offset, end, aborted or [], rest[-1] or b"")


class Records(NamedTuple):
    """Decoded records, and the offset to go on from: it passes over markers and aborted records."""

    records: list[ConsumerRecord[bytes, bytes]]
    next: int


def records_of(fetched: Fetched, batches: Callable[[bytes], Any] = MemoryRecords, most: int | None = None) -> Records:
    """Decodes at most `most` records; `batches` takes the bytes apart as aiokafka's own `MemoryRecords` does.

    Raises:
        UnicodeDecodeError: a header's name is no UTF-8.
        KafkaError: what was sent is damaged.
    """
    key, offset, _, aborted, data = fetched
    decoding = PartitionRecords(key, batches(data), aborted, offset, None, None, True, READ_COMMITTED)
    try:
        records = list(islice(decoding, most))
    except UnicodeDecodeError:
        raise
    except (ValueError, IndexError) as exc:
        raise KafkaError(f"records of {key.topic} {key.partition} from {offset} on are damaged: {exc}") from exc
    return Records(records, decoding.next_fetch_offset)
