"""Records per second into and out of the embedded broker, which runs in the same process as its client.

python -m benchmarks.embedded --records 200000 --bytes 200 --repeats 5
"""

import argparse
import asyncio
import time

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streamproc.embedded.broker import Broker

_PARTITIONS = 4


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.embedded", description=__doc__)
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--bytes", type=int, default=200, help="size of a value")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--compression", choices=["gzip", "snappy", "lz4", "zstd"], default=None)
    options = parser.parse_args()
    asyncio.run(_run(options))


async def _run(options: argparse.Namespace) -> None:
    written, read = [], []
    for number in range(options.repeats):
        async with Broker() as broker:
            topic = f"bench-{number}"
            admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
            await admin.start()
            await admin.create_topics([NewTopic(topic, _PARTITIONS, 1)])
            await admin.close()
            written.append(await _write(broker, topic, options))
            read.append(await _read(broker, topic, options.records))
    print(f"{options.records} records of {options.bytes} B, {options.repeats} times, one process for both sides")
    print(f"in:  {_range(written)}")
    print(f"out: {_range(read)}")


async def _write(broker: Broker, topic: str, options: argparse.Namespace) -> float:
    """Records per second from the first send to the last acknowledgement; idempotent, acks all."""
    value = b"x" * options.bytes
    producer = AIOKafkaProducer(
        bootstrap_servers=broker.bootstrap,
        enable_idempotence=True,
        max_batch_size=262_144,
        linger_ms=5,
        compression_type=options.compression,
    )
    await producer.start()
    try:
        start = time.perf_counter()
        for number in range(options.records):
            await producer.send(topic, value, partition=number % _PARTITIONS)
        await producer.flush()
        return float(options.records / (time.perf_counter() - start))
    finally:
        await producer.stop()


async def _read(broker: Broker, topic: str, records: int) -> float:
    """Records per second from the first poll to the last record."""
    consumer = AIOKafkaConsumer(bootstrap_servers=broker.bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, number) for number in range(_PARTITIONS)]
        start, seen = time.perf_counter(), 0
        consumer.assign(partitions)
        while seen < records:
            polled = await consumer.getmany(timeout_ms=1_000, max_records=None)
            seen += sum(map(len, polled.values()))
        return records / (time.perf_counter() - start)
    finally:
        await consumer.stop()


def _range(rates: list[float]) -> str:
    least, middle, most = min(rates), sorted(rates)[len(rates) // 2], max(rates)
    return f"{middle:,.0f} records/s (from {least:,.0f} to {most:,.0f})"


if __name__ == "__main__":
    main()
