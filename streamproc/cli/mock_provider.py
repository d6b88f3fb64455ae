"""`streamproc mock-provider`: a provider that costs nothing and counts what it served."""

import asyncio
import signal
from typing import Annotated

from cyclopts import Parameter

from streamproc.cli.options import Port
from streamproc.cli.run import loop_factory
from streamproc.mock.behaviour import MockSettings
from streamproc.mock.server import serve

__all__ = ["mock_provider"]


def mock_provider(
    *,
    host: Annotated[str, Parameter(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[Port, Parameter(help="Port to listen on; 0 takes a free one.")] = 8089,
    tokens: Annotated[int, Parameter(help="Tokens of an answer.")] = 50,
    interval_ms: Annotated[float, Parameter(help="Milliseconds between two tokens.")] = 20.0,
    first_token_ms: Annotated[float, Parameter(help="Milliseconds to the first token.")] = 50.0,
    error_rate: Annotated[float, Parameter(help="Share of calls that fail, 0 to 1.")] = 0.0,
    error_status: Annotated[int, Parameter(help="HTTP status of these.")] = 500,
    cut_rate: Annotated[float, Parameter(help="Share of answers that are cut, 0 to 1.")] = 0.0,
    seed: Annotated[int, Parameter(help="Makes errors and cuts repeatable.")] = 0,
) -> int:
    """Serve OpenAI's Chat Completions shape until Ctrl-C; GET /stats tells what was served.

    A model's name can say how it behaves, for example `mock-t100-i20-f50` (100 tokens, 20 ms apart, the first after
    50 ms), `mock-e429`, `mock-cut40`, `mock-cutonce10`, `mock-quota`, `mock-nousage`.
    """
    settings = MockSettings(
        tokens=tokens,
        interval_seconds=interval_ms / 1000,
        first_token_seconds=first_token_ms / 1000,
        error_rate=error_rate,
        error_status=error_status,
        cut_rate=cut_rate,
        seed=seed,
    )
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_serve(settings, host, port))
    return 0


async def _serve(settings: MockSettings, host: str, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with await serve(settings, host=host, port=port) as server:
        print(f"serving {server.base_url}; what was served: {server.base_url[:-3]}/stats", flush=True)  # noqa: T201 the command line speaks
        await stop.wait()
