"""The clients that `benchmarks.parsing` compares; run, one of them in a process: prints its figures as JSON."""

import asyncio
import gc
import importlib.util
import json
import os
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, aclosing
from functools import partial

import orjson

from benchmarks.measure import resident_kilobytes
from streamproc.chain.call import Call, Progress
from streamproc.chain.journal import MemoryJournal
from streamproc.chain.provider import Text
from streamproc.providers.catalog import Catalog
from streamproc.records.request import Request
from streamproc.settings.provider import ProviderSettings

__all__ = ["OURS", "SIDES"]

OURS = {
    "streamproc": "openai_chat",
    "openai_responses": "openai_responses",
    "openai_completions": "openai_completions",
    "anthropic": "anthropic",
    "ollama": "ollama",
}
"""Measurements of our own provider, by name: the kind."""

SIDES = ("streamproc", "aiohttp", "openai SDK")
"""What is compared: each reads the same events of Chat Completions."""

_QUESTION = "say it"
_TOKENS = 100_000  # no stream ends while it is looked at
_CALL_SECONDS = 600
_WARM_UP_SECONDS = 2.0
_OPEN_SECONDS = 20

Stream = Callable[[str, Callable[[], None]], Coroutine[None, None, None]]
"""Model in; tells of each event with a piece of text."""


async def ours(kind: str, base_url: str, streams: int, stack: AsyncExitStack) -> Stream:
    """The provider as the worker has it."""
    base = base_url if kind.startswith("openai") else base_url.removesuffix("/v1")
    settings = ProviderSettings.model_validate(
        {
            "kind": kind,
            "base_url": base,
            "models": ["m"],
            "max_connections": streams,
            "timeouts": {"connect_seconds": 60, "total_seconds": _CALL_SECONDS},
        }
    )
    catalog = Catalog({"mock": settings}, now=time.time)
    stack.push_async_callback(catalog.aclose)
    provider = catalog.providers["mock"]
    asked = (
        {"text": _QUESTION} if kind == "openai_completions" else {"messages": [{"role": "user", "content": _QUESTION}]}
    )
    request = Request.model_validate({"request_id": "r", "model": "m", **asked})

    async def stream(model: str, saw: Callable[[], None]) -> None:
        call = Call(
            run_id="r/0/0@0",
            tenant="t",
            request=request,
            model=model,
            max_output_tokens=_TOKENS,
            prompt_bytes=10,
            input_hash="0" * 64,
            deadline=time.time() + _CALL_SECONDS,
            progress=Progress(attempt=1),
            journal=MemoryJournal(),
        )
        async with aclosing(provider.stream(call)) as events:
            async for event in events:
                if isinstance(event, Text):
                    saw()

    return stream


async def bare(base_url: str, streams: int, stack: AsyncExitStack) -> Stream:
    """aiohttp, and the least that finds the text in an event."""
    if importlib.util.find_spec("aiohttp") is None:
        sys.exit("this comparison needs aiohttp: pip install -e '.[dev]'")
    import aiohttp  # noqa: PLC0415 only this process needs it

    session = await stack.enter_async_context(
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=streams), timeout=aiohttp.ClientTimeout(total=_CALL_SECONDS)
        )
    )

    async def stream(model: str, saw: Callable[[], None]) -> None:
        body = {**_chat(model), "stream_options": {"include_usage": True}}
        async with session.post(f"{base_url}/chat/completions", data=orjson.dumps(body)) as response:
            rest = b""
            async for chunk in response.content.iter_any():
                *events, rest = (rest + chunk).split(b"\n\n")
                for event in events:
                    choices = orjson.loads(event[6:])["choices"]  # behind "data: "
                    if choices and choices[0]["delta"].get("content"):
                        saw()

    return stream


async def official(base_url: str, streams: int, stack: AsyncExitStack) -> Stream:
    """The SDK, with as many connections as it needs."""
    from httpx2 import Limits  # noqa: PLC0415 only this process needs it
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient  # noqa: PLC0415 the same

    http = DefaultAsyncHttpxClient(limits=Limits(max_connections=streams, max_keepalive_connections=streams))
    client = await stack.enter_async_context(
        AsyncOpenAI(base_url=base_url, api_key="none", http_client=http, timeout=_CALL_SECONDS)
    )

    async def stream(model: str, saw: Callable[[], None]) -> None:
        parts = await client.chat.completions.create(
            model=model,
            messages=[{"role": "user", "content": _QUESTION}],
            max_completion_tokens=_TOKENS,
            stream=True,
            stream_options={"include_usage": True},
        )
        async for part in parts:
            if part.choices and part.choices[0].delta.content:
                saw()

    return stream


def _chat(model: str) -> dict[str, object]:
    messages = [{"role": "user", "content": _QUESTION}]
    return {"model": model, "messages": messages, "max_completion_tokens": _TOKENS, "stream": True}


async def measure(name: str, base_url: str, streams: int, interval_ms: int, seconds: float) -> dict[str, float]:
    """CPU and events while all streams are open; for `memory`, what they hold."""
    others = {"aiohttp": bare, "openai SDK": official}
    make = others.get(name) or partial(ours, OURS.get(name, "openai_chat"))
    counts = [0] * streams

    def saw(number: int) -> None:
        counts[number] += 1

    async with AsyncExitStack() as stack:
        stream = await make(base_url, streams, stack)
        gc.collect()
        before = resident_kilobytes(os.getpid())
        # They start one after another over an interval, as the streams of different senders do.
        model = f"mock-t{_TOKENS}-i{interval_ms}-f{interval_ms}"

        async def begin(number: int) -> None:
            await asyncio.sleep(interval_ms / 1000 * number / streams)
            await stream(model, partial(saw, number))

        tasks = [asyncio.create_task(begin(number)) for number in range(streams)]
        latest = time.monotonic() + _OPEN_SECONDS
        while not all(counts) and not any(task.done() for task in tasks):
            await asyncio.sleep(0.05)
            if time.monotonic() > latest:
                sys.exit(f"{name}: not all streams brought an event within {_OPEN_SECONDS} s; the machine is too busy")
        await asyncio.sleep(_WARM_UP_SECONDS)
        events, cpu = sum(counts), time.process_time()
        await asyncio.sleep(seconds)
        events, cpu = sum(counts) - events, time.process_time() - cpu
        after = resident_kilobytes(os.getpid())
        failed = sum(task.done() for task in tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return {
        "events": events,
        "cpu_seconds": cpu,
        "open": streams - failed,
        "failed": failed,
        "bytes": (after - before) * 1024,
        "resident": after * 1024,
    }


if __name__ == "__main__":
    if importlib.util.find_spec("uvloop") is None:
        run = asyncio.run
    else:
        import uvloop

        run = uvloop.run
    print(json.dumps(run(measure(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])))))
