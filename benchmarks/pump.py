"""The bare pump: the least that moves tokens from HTTP to Kafka on streamproc's own HTTP engine.

The engine's bare connections, without httpx and without deadlines, a minimal splitting of server-sent events, one
publisher task for each partition that packs what has gathered into one batch, uvloop. One record for each token and
one result at the end. No validation, no accounting, no retries, no transactions: what streamproc costs above this is
the price of its promises. `benchmarks/run.py` measures it.

    python -m benchmarks.pump --bootstrap localhost:9092 --requests r --chunks c --results o --base-url http://…/v1
"""

import asyncio
from typing import Any
from urllib.parse import SplitResult, urlsplit

import orjson
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from benchmarks.arguments import FETCH, Arguments, loop_arguments
from streamproc.providers.http_connect import Connect
from streamproc.providers.http_pool import HttpPool
from streamproc.providers.http_response import HttpResponse

_BATCH_BYTES = 256 * 1024
_CONNECT_SECONDS = 60
_IDLE_SECONDS = 15


class Publisher:
    """Records for one partition of one topic; one batch is on its way at a time, the next one gathers."""

    def __init__(self, producer: AIOKafkaProducer, topic: str, partition: int) -> None:
        self._producer = producer
        self._topic = topic
        self._partition = partition
        self._waiting: list[tuple[bytes, bytes]] = []
        self._filled = asyncio.Event()

    def publish(self, key: bytes, value: bytes) -> None:
        """Takes a record."""
        self._waiting.append((key, value))
        self._filled.set()

    async def run(self) -> None:
        """Sends until it is cancelled."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            waiting, self._waiting = self._waiting, []
            batch = self._producer.create_batch()
            for key, value in waiting:
                if batch.append(key=key, value=value, timestamp=None) is None:
                    await self._send(batch)
                    batch = self._producer.create_batch()
                    batch.append(key=key, value=value, timestamp=None)
            await self._send(batch)

    async def _send(self, batch: Any) -> None:
        await (await self._producer.send_batch(batch, self._topic, partition=self._partition))


async def stream(response: HttpResponse, key: bytes, request_id: str, chunks: Publisher) -> dict[str, Any]:
    """Publishes the tokens of a streamed answer and gives what the result says."""
    texts: list[str] = []
    pending, usage, finish_reason = b"", None, None
    while data := await response.read():
        *events, pending = (pending + data).split(b"\n\n")
        for event in events:
            if event == b"data: [DONE]":
                continue
            part = orjson.loads(event[6:])
            usage = part.get("usage") or usage
            for choice in part["choices"]:
                finish_reason = choice["finish_reason"] or finish_reason
                if text := choice["delta"].get("content"):
                    chunk = {"request_id": request_id, "seq": len(texts), "kind": "text", "text": text}
                    texts.append(text)
                    chunks.publish(key, orjson.dumps(chunk))
    return {"text": "".join(texts), "usage": usage, "finish_reason": finish_reason}


async def whole(response: HttpResponse) -> dict[str, Any]:
    """What the result says of an answer that is not streamed."""
    body = b""
    while data := await response.read():
        body += data
    parsed = orjson.loads(body)
    (choice,) = parsed["choices"]
    return {
        "text": choice["message"]["content"],
        "usage": parsed["usage"],
        "finish_reason": choice["finish_reason"],
    }


async def answer(record: Any, pool: HttpPool, chunks: Publisher, results: Publisher, url: SplitResult) -> None:
    """Answers one request."""
    request = orjson.loads(record.value)
    body = {"model": request["model"], "messages": request["messages"]}
    if request["stream"]:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    sent = orjson.dumps(body)
    head = (
        f"POST {url.path}/chat/completions HTTP/1.1\r\nhost: {url.netloc}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(sent)}\r\n\r\n"
    )
    connection = await pool.lease(_CONNECT_SECONDS)
    try:
        response = connection.request(head.encode() + sent)
        await response.head()
        if response.status_code != 200:
            raise RuntimeError(f"the provider answered {response.status_code}")
        if request["stream"]:
            answered = await stream(response, record.key, request["request_id"], chunks)
        else:
            answered = await whole(response)
    finally:
        pool.release(connection)
    results.publish(record.key, orjson.dumps({"request_id": request["request_id"], "status": "completed"} | answered))


async def commit(consumer: AIOKafkaConsumer) -> None:
    """Commits the position once a second."""
    while True:
        await asyncio.sleep(1)
        await consumer.commit()


async def pump(arguments: Arguments, consumer: AIOKafkaConsumer, producer: AIOKafkaProducer, pool: HttpPool) -> None:
    """Reads requests and starts a task for each."""
    url = urlsplit(arguments.base_url)
    slots = asyncio.Semaphore(arguments.in_flight)
    async with asyncio.TaskGroup() as group:
        group.create_task(commit(consumer))
        publishers: dict[tuple[str, int], Publisher] = {}
        for topic in (arguments.chunks, arguments.results):
            for partition in await producer.partitions_for(topic):
                publishers[topic, partition] = Publisher(producer, topic, partition)
                group.create_task(publishers[topic, partition].run())
        async for record in consumer:
            await slots.acquire()
            chunks = publishers[arguments.chunks, record.partition]
            results = publishers[arguments.results, record.partition]
            task = group.create_task(answer(record, pool, chunks, results, url))
            task.add_done_callback(lambda _: slots.release())


async def main() -> None:
    """Runs until the process is ended."""
    arguments = loop_arguments(__doc__ or "")
    consumer = AIOKafkaConsumer(
        arguments.requests,
        bootstrap_servers=arguments.bootstrap,
        group_id=arguments.group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        **FETCH,
    )
    producer = AIOKafkaProducer(bootstrap_servers=arguments.bootstrap, max_batch_size=_BATCH_BYTES)
    url = urlsplit(arguments.base_url)
    connect = Connect(url.hostname or "", url.port or 80, tls=None)
    pool = HttpPool(connect, max_connections=arguments.in_flight, idle_seconds=_IDLE_SECONDS)
    async with consumer, producer:
        await pump(arguments, consumer, producer, pool)


if __name__ == "__main__":
    uvloop.run(main())
