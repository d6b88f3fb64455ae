"""The mock provider as a process of its own, under uvloop: `python -m benchmarks.provider PORT`."""

import asyncio
import sys

import uvloop

from streamproc.mock.behaviour import MockSettings
from streamproc.mock.server import serve


async def main() -> None:
    """Serves until the process is ended."""
    async with await serve(MockSettings(keep_calls=0), port=int(sys.argv[1])):
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main())
