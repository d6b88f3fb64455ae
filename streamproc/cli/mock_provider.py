"""`streamproc mock-provider`: a provider that costs nothing and counts what it served."""

import asyncio
import inspect
import signal
from typing import Annotated

from cyclopts import Parameter

from streamproc.cli.options import Port
from streamproc.cli.run import loop_factory
from streamproc.mock.behaviour import MockSettings
from streamproc.mock.faults.catalogue import fault_table, parse_share
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
    fault: Annotated[
        tuple[str, ...],
        Parameter(
            negative=(),
            help="A share of calls that shows a fault: NAME:RATE, for example badjson:0.02, cut40:0.1 or mixed:0.1;"
            " without a rate all do. May be repeated; a call shows one of them at most.",
        ),
    ] = (),
    requests_per_minute: Annotated[
        float | None, Parameter(help="More requests to one model get a 429; every response tells what is left.")
    ] = None,
    tokens_per_minute: Annotated[
        float | None, Parameter(help="The same for tokens, reckoned at the start of a call.")
    ] = None,
    seed: Annotated[int, Parameter(help="Makes all rates repeatable.")] = 0,
) -> int:
    """Serve the APIs of OpenAI, Anthropic and Ollama until Ctrl-C; GET /stats tells what was served.

    A model's name can say how it behaves, for example `mock-t100-i20-f50` (100 tokens, 20 ms apart, the first after
    50 ms), `mock-e429`, `mock-cut40`, `mock-cutonce10`, `mock-quota`, `mock-nousage`. `r30` adds 30 tokens of
    reasoning; with `c12` and `w8` a cache reads 12 tokens of the input and takes 8. The faults for model names and for
    --fault follow; `N` stands for a number, with its default in brackets. `mixed` picks any of those with a cross.
    """
    settings = MockSettings(
        tokens=tokens,
        interval_seconds=interval_ms / 1000,
        first_token_seconds=first_token_ms / 1000,
        error_rate=error_rate,
        error_status=error_status,
        cut_rate=cut_rate,
        faults=tuple(map(parse_share, fault)),
        requests_per_minute=requests_per_minute,
        tokens_per_minute=tokens_per_minute,
        seed=seed,
    )
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_serve(settings, host, port))
    return 0


def _table() -> str:
    rows = [f"| {name} | {mixed} | {sentence} | {number} |" for name, mixed, sentence, _, number in fault_table()]
    return "\n".join(("| fault | mixed | what a client sees | N |", "|---|---|---|---|", *rows))


# The table is made from the code, so the help page cannot lag behind it.
mock_provider.__doc__ = f"{inspect.cleandoc(mock_provider.__doc__ or '')}\n\n{_table()}"


async def _serve(settings: MockSettings, host: str, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with await serve(settings, host=host, port=port) as server:
        print(f"serving {server.base_url}; what was served: {server.base_url[:-3]}/stats", flush=True)  # noqa: T201 the command line speaks
        await stop.wait()
