"""Records with a header name that is no UTF-8, which aiokafka would not send."""

import time

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.protocol.produce import ProduceRequest

from streamproc.records.identity import RunId
from tests.contract.broker.batches import renamed

__all__ = ["publish_with_raw_names"]


async def publish_with_raw_names(bootstrap: str, topic: str, partition: int, values: list[bytes]) -> list[RunId]:
    """Publishes one batch whose records have a header name of four bytes that are no UTF-8."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    try:
        await producer.partitions_for(topic)
        builder = producer.create_batch()
        now = int(time.time() * 1000)
        for value in values:
            builder.append(timestamp=now, key=b"k", value=value, headers=[("NAME", b"1")])
        batch = renamed(bytes(builder._build()), b"NAME", b"\xff\xfe\xfd\xfc")
        request = ProduceRequest(
            required_acks=-1, timeout=5000, topics=[(topic, [(partition, batch)])], transactional_id=None
        )
        leader = producer.client.cluster.leader_for_partition(TopicPartition(topic, partition))
        response = await producer.client.send(leader, request)
        [(_, [(_, code, offset, *_)])] = response.topics
        assert code == 0
    finally:
        await producer.stop()
    return [RunId(topic, partition, offset + number, now) for number in range(len(values))]
