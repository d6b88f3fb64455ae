"""AddPartitionsToTxn: a producer says where the records of its transaction go."""

from typing import Any

from aiokafka.protocol.transaction import AddPartitionsToTxnRequest_v0

from streamproc.embedded.cluster import Client, Cluster
from streamproc.embedded.codes import Code
from streamproc.embedded.transaction import Partition, Producer

__all__ = ["NAME", "REQUESTS", "answer"]

NAME = "AddPartitionsToTxn"
REQUESTS = (AddPartitionsToTxnRequest_v0,)


async def answer(cluster: Cluster, _client: Client, request: AddPartitionsToTxnRequest_v0) -> tuple[Any, ...]:
    """Throttle time, errors per partition. All partitions are added or none."""
    partitions = [Partition(topic, number) for topic, numbers in request.topics for number in numbers]
    refusals = {partition: refusal for partition in partitions if (refusal := _refusal(cluster, partition)) is not None}
    if refusals:
        codes = {partition: refusals.get(partition, Code.OPERATION_NOT_ATTEMPTED) for partition in partitions}
    else:
        producer = Producer(request.producer_id, request.producer_epoch)
        codes = dict.fromkeys(partitions, cluster.transactions.add(request.transactional_id, producer, *partitions))
    return 0, [
        (topic, [(number, codes[Partition(topic, number)]) for number in numbers]) for topic, numbers in request.topics
    ]


def _refusal(cluster: Cluster, partition: Partition) -> Code | None:
    fault = cluster.faults.code(NAME, *partition)
    if fault is None and cluster.topics.log(*partition) is None:
        return Code.UNKNOWN_TOPIC_OR_PARTITION
    return fault
