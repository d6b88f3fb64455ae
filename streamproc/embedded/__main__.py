"""`python -m streamproc.embedded --port 9092`: a broker until Ctrl-C."""

import argparse
import asyncio
import contextlib
import logging
import sys

from streamproc.embedded.broker import Broker, PortTaken

_LAST_PORT = 65_535


def main() -> None:
    """Reads the options and serves."""
    parser = argparse.ArgumentParser(prog="python -m streamproc.embedded", description="A Kafka broker for trying.")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on, which clients are told as well; default: 127.0.0.1"
    )
    parser.add_argument("--port", type=int, default=9092, help="0 takes a free one; default: 9092")
    options = parser.parse_args()
    if not 0 <= options.port <= _LAST_PORT:
        parser.error(f"argument --port: {options.port} is no port; there are 1 to {_LAST_PORT}, and 0 takes a free one")
    logging.basicConfig(format="%(levelname)s %(message)s")
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_serve(options.host, options.port))
    except PortTaken as taken:
        sys.exit(f"The broker cannot start: {taken.strerror}.")
    except OSError as error:
        sys.exit(f"The broker cannot listen on {options.host}:{options.port}: {error.strerror}; choose others.")


async def _serve(host: str, port: int) -> None:
    async with Broker(host=host, port=port) as broker:
        sys.stdout.write(
            f"Kafka protocol at {broker.bootstrap}: in memory, nothing on disk, one process, for trying and testing.\n"
        )
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    main()
