"""Three brokers of Apache Kafka on one machine, each also a controller: any one of them may be killed.

Everything has three copies, of which two must be written, as in production.
"""

import socket
import struct
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Self

from tests.servers.kafka import Broker
from tests.servers.network import free_ports, wait_until

__all__ = ["COPIES", "KafkaCluster"]

COPIES = 3

_REPLICATED = {
    "default.replication.factor": f"{COPIES}",
    "min.insync.replicas": "2",
    "offsets.topic.replication.factor": f"{COPIES}",
    "transaction.state.log.replication.factor": f"{COPIES}",
    "transaction.state.log.min.isr": "2",
    # How soon the others take over from a dead one; the defaults take some seconds longer.
    "controller.quorum.election.timeout.ms": "500",
    "controller.quorum.fetch.timeout.ms": "1000",
}


class KafkaCluster:
    """Use as a context; `brokers` may be killed, paused and started again one by one.

    Attributes:
        bootstrap: addresses of all brokers, for clients.
    """

    def __init__(self, overrides: Mapping[str, str] | None = None) -> None:
        """`overrides` are settings of Kafka's own for each broker.

        Raises:
            ServerMissing: Java, Maven or the jars cannot be had here.
        """
        ports = free_ports(2 * COPIES)
        pairs = list(zip(ports[:COPIES], ports[COPIES:], strict=True))
        voters = ",".join(f"{node}@127.0.0.1:{controller}" for node, (_, controller) in enumerate(pairs, 1))
        shared = _REPLICATED | {"controller.quorum.voters": voters} | dict(overrides or {})
        self.brokers = [Broker(shared | {"node.id": str(node)}, ports=pair) for node, pair in enumerate(pairs, 1)]
        self.bootstrap = ",".join(broker.bootstrap for broker in self.brokers)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for broker in self.brokers:
                stack.callback(broker.close)
            for broker in self.brokers:
                broker.launch()  # none is ready before there is a majority of them
            for broker in self.brokers:
                wait_until(self.is_whole, broker.process, "A cluster of Apache Kafka")
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def is_whole(self) -> bool:
        """Whether every broker lists all of them as alive."""
        return all(_alive(broker.bootstrap) == COPIES for broker in self.brokers)


def _alive(address: str) -> int:
    """Brokers that the one at this address lists; see `Broker` for the request."""
    host, port = address.split(":")
    try:
        with socket.create_connection((host, int(port)), timeout=1) as connection:
            connection.sendall(struct.pack(">ihhihi", 14, 3, 0, 1, -1, 0))
            head = connection.recv(12, socket.MSG_WAITALL)
    except OSError:
        return 0
    return int(struct.unpack(">iii", head)[2]) if len(head) == 12 else 0
