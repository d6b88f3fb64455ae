"""The settings of the test broker, and how its Java process is started."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CONTROLLER_PORT", "Java", "properties"]

CONTROLLER_PORT = 19_093
"""Stands in the formatted template only; a running broker gets ports of its own."""

_FIXED = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "listener.security.protocol.map": "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "CLIENT",
    "auto.create.topics.enable": "false",
    # One broker, so one copy of everything; few partitions, so that internal topics come up quickly.
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    # How often it looks for transactions that took too long.
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",
    # A killed broker that comes back is let in only when its former session has ended.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "500",
}


def properties(client_port: int, controller_port: int, data: Path, overrides: Mapping[str, str]) -> str:
    """Text of `server.properties` for one broker that is its own controller, on the loopback address."""
    own = {
        "listeners": f"CLIENT://127.0.0.1:{client_port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"CLIENT://127.0.0.1:{client_port}",
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "log.dirs": str(data),
    }
    return "".join(f"{name}={value}\n" for name, value in {**_FIXED, **own, **overrides}.items())


@dataclass(frozen=True, slots=True)
class Java:
    """How to run a class of Kafka: the program and the folder of jars."""

    program: str
    libs: Path

    def command(self, *arguments: str, options: tuple[str, ...] = ()) -> tuple[str, ...]:
        """A command line. Small heap, simple collector, first compiler only: a start counts more than a long run."""
        fixed = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")
        log_level = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
        return (self.program, *fixed, log_level, *options, "-cp", f"{self.libs}/*", *arguments)
