"""A header name that is no UTF-8.

Kafka stores such a record; aiokafka's decoder fails on it, and with it every poll of its batch. One sender with the
right to write requests could so stop a worker for ever, and records of other partitions that the failed poll had
already taken were lost.
"""

import json
import time

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record._crc32c import crc

from streamproc.records.identity import RunId
from tests.contract.harness.member import running_member
from tests.contract.harness.stage import Stage, staged

MODEL = "mock-t3-i1-f1"
_CRC = slice(17, 21)  # of a record batch, version 2; it covers what follows


async def publish_with_raw_names(stage: Stage, values: list[bytes], partition: int) -> list[RunId]:
    """Publishes one batch whose records have a header name of four bytes that are no UTF-8."""
    topic = stage.settings.sources[0].topic
    producer = AIOKafkaProducer(bootstrap_servers=stage.bootstrap)
    await producer.start()
    try:
        await producer.partitions_for(topic)
        builder = producer.create_batch()
        now = int(time.time() * 1000)
        for value in values:
            builder.append(timestamp=now, key=b"k", value=value, headers=[("NAME", b"1")])
        batch = bytearray(builder._build()).replace(b"NAME", b"\xff\xfe\xfd\xfc")
        batch[_CRC] = crc(bytes(batch[_CRC.stop :])).to_bytes(4, "big")
        request = ProduceRequest(
            required_acks=-1, timeout=5000, topics=[(topic, [(partition, bytes(batch))])], transactional_id=None
        )
        leader = producer.client.cluster.leader_for_partition(TopicPartition(topic, partition))
        response = await producer.client.send(leader, request)
        [(_, [(_, code, offset, *_)])] = response.topics
        assert code == 0
    finally:
        await producer.stop()
    return [RunId(topic, partition, offset + number, now) for number in range(len(values))]


async def test_header_names_that_are_no_utf8(bootstrap: str, topic_prefix: str) -> None:
    """Requests with such names are answered like others, before and after it and in other partitions."""
    async with staged(bootstrap, topic_prefix, MODEL) as stage:
        others = [await stage.ask(MODEL, partition=number % 4) for number in range(40)]
        strange = await publish_with_raw_names(
            stage,
            [json.dumps(stage.request(MODEL)).encode(), b"no request", json.dumps(stage.request(MODEL)).encode()],
            2,
        )
        others += [await stage.ask(MODEL, partition=number % 4) for number in range(40)]
        async with running_member(stage.settings):
            for run in [*others, strange[0], strange[2]]:
                assert (await stage.outputs.result(run)).status == "completed"
            assert (await stage.outputs.result(strange[1])).status == "rejected"
            await stage.has_committed(others[-2])
        assert stage.outputs.twice() == {}
