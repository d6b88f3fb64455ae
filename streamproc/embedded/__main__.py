"""`python -m streamproc.embedded --port 9092`: a broker until Ctrl-C."""

import argparse
import asyncio
import contextlib
import logging
import sys

from streamproc.embedded.broker import Broker, PortTaken


def main() -> None:
    """Reads the options and serves."""
    parser = argparse.ArgumentParser(prog="python -m streamproc.embedded", description="A Kafka broker for trying.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on, which clients are told as well")
    parser.add_argument("--port", type=int, default=9092, help="0 takes a free one")
    options = parser.parse_args()
    logging.basicConfig(format="%(levelname)s %(message)s")
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_serve(options.host, options.port))
    except PortTaken as taken:
        sys.exit(f"The broker cannot start: {taken.strerror}.")


async def _serve(host: str, port: int) -> None:
    async with Broker(host=host, port=port) as broker:
        sys.stdout.write(
            f"Kafka protocol at {broker.bootstrap}: in memory, nothing on disk, one process, for trying and testing.\n"
        )
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    main()
