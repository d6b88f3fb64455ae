"""Produce: batches into partitions, each answered for itself."""

from typing import Any

from aiokafka.protocol.produce import ProduceRequest_v7

from streamproc.embedded.batch import header_of
from streamproc.embedded.cluster import Client, Cluster
from streamproc.embedded.codes import Code
from streamproc.embedded.log import Appended, PartitionLog
from streamproc.embedded.validation import only_batch, refusal
from streamproc.embedded.wire import BadRequest

__all__ = ["NAME", "REQUESTS", "answer"]

NAME = "Produce"
REQUESTS = (ProduceRequest_v7,)


async def answer(cluster: Cluster, client: Client, request: ProduceRequest_v7) -> tuple[Any, ...] | None:
    """Each partition with code, first offset, time of the broker and start of the log; throttle time.

    Raises:
        BadRequest: a batch is refused and the client wants no answers, so that closing is the only way to tell it.
    """
    del client
    answers = [
        (topic, [(partition, *_produce(cluster, request, topic, partition, batch)) for partition, batch in partitions])
        for topic, partitions in request.topics
    ]
    if request.required_acks != 0:
        return answers, 0
    for topic, partitions in answers:
        for partition, code, *_ in partitions:
            if code:
                raise BadRequest(f"{code.name} in {topic} {partition}, and the client wants no answer")
    return None


def _produce(
    cluster: Cluster, request: ProduceRequest_v7, topic: str, partition: int, batch: bytes | None
) -> tuple[Code, int, int, int]:
    fault = cluster.faults.code(NAME, topic, partition)
    log = cluster.topics.log(topic, partition)
    if fault is not None:
        return fault, -1, -1, -1
    if request.required_acks not in {-1, 0, 1}:
        return Code.INVALID_REQUIRED_ACKS, -1, -1, -1
    if log is None:
        return Code.UNKNOWN_TOPIC_OR_PARTITION, -1, -1, -1
    appended = _append(cluster, log, request.transactional_id, topic, partition, batch or b"")
    return *appended, log.start if appended.code == Code.NONE else -1


def _append(
    cluster: Cluster, log: PartitionLog, transactional_id: str | None, topic: str, partition: int, data: bytes
) -> Appended:
    batch = only_batch(data)
    if isinstance(batch, Code):
        return Appended(batch)
    header = header_of(batch)
    code = refusal(batch, header, log.settings, int(cluster.now() * 1000))
    if code == Code.NONE and header.is_transactional:
        if transactional_id is None:
            return Appended(Code.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)  # so Kafka, also where nothing is guarded
        code = cluster.transactions.check_produce(
            transactional_id, header.producer_id, header.producer_epoch, topic, partition
        )
    return log.append(batch, header) if code == Code.NONE else Appended(code)
