"""The loop most people write: aiokafka, the official OpenAI SDK, and a task for each request.

It reads requests, streams the answer, sends one record for each token and one result at the end, and commits the
consumer's position every second. It is fair and idiomatic, and it promises little: a crash loses the requests in
flight, or a token; a failed call is printed and lost; nothing is validated or accounted for. `benchmarks/run.py`
measures streamproc against it.

    python -m benchmarks.hand_written --bootstrap localhost:9092 --requests r --chunks c --results o --base-url http://…/v1
"""

import asyncio
import json
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from httpx2 import Limits
from openai import AsyncOpenAI, DefaultAsyncHttpxClient

from benchmarks.arguments import FETCH, Arguments, loop_arguments


async def answer(record: Any, client: AsyncOpenAI, producer: AIOKafkaProducer, arguments: Arguments) -> None:
    """Answers one request, token by token when it asks for a stream."""
    request = json.loads(record.value)
    key, partition = record.key, record.partition
    text: list[str] = []
    usage, finish_reason = None, None
    if request["stream"]:
        stream = await client.chat.completions.create(
            model=request["model"],
            messages=request["messages"],
            stream=True,
            stream_options={"include_usage": True},
        )
        async for part in stream:
            usage = part.usage or usage
            for choice in part.choices:
                finish_reason = choice.finish_reason or finish_reason
                if choice.delta.content:
                    chunk = {
                        "request_id": request["request_id"],
                        "seq": len(text),
                        "kind": "text",
                        "text": choice.delta.content,
                    }
                    text.append(choice.delta.content)
                    await producer.send(arguments.chunks, json.dumps(chunk).encode(), key=key, partition=partition)
    else:
        whole = await client.chat.completions.create(model=request["model"], messages=request["messages"])
        usage, finish_reason = whole.usage, whole.choices[0].finish_reason
        text.append(whole.choices[0].message.content or "")
    result = {
        "request_id": request["request_id"],
        "status": "completed",
        "text": "".join(text),
        "finish_reason": finish_reason,
        "input_tokens": usage.prompt_tokens if usage else None,
        "output_tokens": usage.completion_tokens if usage else None,
    }
    await producer.send_and_wait(arguments.results, json.dumps(result).encode(), key=key, partition=partition)


async def commit(consumer: AIOKafkaConsumer) -> None:
    """Commits the position once a second."""
    while True:
        await asyncio.sleep(1)
        await consumer.commit()


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
    producer = AIOKafkaProducer(bootstrap_servers=arguments.bootstrap)
    limits = Limits(max_connections=arguments.in_flight, max_keepalive_connections=arguments.in_flight)
    http = DefaultAsyncHttpxClient(limits=limits)
    client = AsyncOpenAI(base_url=arguments.base_url, api_key="none", http_client=http, timeout=600)
    slots = asyncio.Semaphore(arguments.in_flight)
    tasks: set[asyncio.Task[None]] = set()

    def done(task: asyncio.Task[None]) -> None:
        slots.release()
        tasks.discard(task)
        if not task.cancelled() and task.exception():
            print("lost:", repr(task.exception()), flush=True)

    async with client, consumer, producer, asyncio.TaskGroup() as group:
        group.create_task(commit(consumer))
        async for record in consumer:
            await slots.acquire()
            task = asyncio.create_task(answer(record, client, producer, arguments))
            tasks.add(task)
            task.add_done_callback(done)


if __name__ == "__main__":
    asyncio.run(main())
