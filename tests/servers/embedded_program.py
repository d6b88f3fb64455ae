"""The embedded broker as a process of its own: `python -m tests.servers.embedded_program`; serves until it is ended.

It prints its address. On SIGUSR1 its network is away for a second: it hangs up on everybody and listens no more. Its
memory stays, because a restart that loses all records is nothing a broker in production does.
"""

import asyncio
import signal

from streamproc.embedded.broker import Broker

__all__ = ["AWAY_SECONDS"]

AWAY_SECONDS = 1.0


async def _serve() -> None:
    hidden = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, hidden.set)
    async with Broker() as broker:
        print(f"broker at {broker.bootstrap}", flush=True)
        while True:
            await hidden.wait()
            hidden.clear()
            await _be_away(broker)


async def _be_away(broker: Broker) -> None:
    # Not `stop`: that also forgets when sessions and transactions run out.
    assert broker._server is not None
    broker._server.close()
    for connection in tuple(broker._connections):
        connection.abort()
    await asyncio.sleep(AWAY_SECONDS)
    host, port = broker.bootstrap.split(":")
    broker._server = await asyncio.get_running_loop().create_server(broker._connection, host, int(port))


if __name__ == "__main__":
    asyncio.run(_serve())
