"""Apache Kafka for tests and benchmarks: one broker that is its own controller, on free ports and with temporary data.

    with Broker() as broker:
        ...                 # broker.bootstrap
        broker.kill()       # SIGKILL: the data stays
        broker.start()      # comes back on the same port with the same data

`python -m tests.servers.kafka` fetches the jars and makes the class archive, so that no test has to wait for it.
"""

import os
import shutil
import socket
import struct
import sys
import tempfile
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self
from uuid import uuid4

from tests.servers.kafka_install import VERSION, Installation, install
from tests.servers.kafka_settings import properties
from tests.servers.network import free_ports, wait_until
from tests.servers.process import Process, ServerMissing

__all__ = ["Broker", "installed", "running_kafka"]


class Broker:
    """One broker; its ports and its data stay the same over restarts.

    Attributes:
        bootstrap: address for clients, from the beginning on.
        folder: temporary folder with data, settings and log; gone after `close`.
    """

    def __init__(
        self,
        overrides: Mapping[str, str] | None = None,
        *,
        installation: Installation | None = None,
        java_options: tuple[str, ...] | None = None,
        ports: tuple[int, int] | None = None,
    ) -> None:
        """Makes a broker that does not run yet.

        Args:
            overrides: settings of Kafka's own, as in `server.properties`.
            installation: what it is started from; by default that of this machine.
            java_options: instead of those for a quick start.
            ports: for clients and for controllers; by default free ones.

        Raises:
            ServerMissing: Java, Maven or the jars cannot be had here.
        """
        installation = installation or install(_train)
        options = (f"-XX:SharedArchiveFile={installation.archive}",) if java_options is None else java_options
        self._folder = tempfile.TemporaryDirectory(prefix="streamproc-kafka-", ignore_cleanup_errors=True)
        self.folder = Path(self._folder.name)
        data, settings = self.folder / "data", self.folder / "server.properties"
        shutil.copytree(installation.formatted, data)
        _give_identity(data, (overrides or {}).get("node.id"))
        self._port, controller_port = ports or free_ports(2)
        self.bootstrap = f"127.0.0.1:{self._port}"
        settings.write_text(properties(self._port, controller_port, data, overrides or {}), encoding="utf-8")
        self._command = installation.java.command("kafka.Kafka", str(settings), options=options)
        self._process: Process | None = None

    def __repr__(self) -> str:
        state = "running" if self._process is not None and self._process.is_running else "stopped"
        return f"<Broker {self.bootstrap} {state}>"

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def process(self) -> Process:
        """The last process that was started."""
        if self._process is None:
            raise RuntimeError("the broker was not started")
        return self._process

    def launch(self) -> None:
        """Starts the process without waiting for it, for use inside an event loop; see `wait_until_ready`."""
        if self._process is not None and self._process.is_running:
            raise RuntimeError(f"the broker at {self.bootstrap} runs already")
        self._process = Process(self._command, self.folder / "broker.log")

    def wait_until_ready(self) -> None:
        """Returns when clients are served; may be called in another thread.

        Raises:
            ServerMissing: the broker does not come up; the message holds the end of its log.
        """
        wait_until(self._is_ready, self.process, "Apache Kafka")

    def start(self) -> None:
        """Starts, or starts again, and returns when clients are served."""
        self.launch()
        self.wait_until_ready()

    def stop(self) -> None:
        """A controlled shutdown; the data stays."""
        self.process.stop()

    def kill(self) -> None:
        """SIGKILL; the data stays."""
        self.process.kill()

    def pause(self) -> None:
        """SIGSTOP: connections stay open and nothing is answered."""
        self.process.pause()

    def resume(self) -> None:
        """SIGCONT."""
        self.process.resume()

    def restart(self) -> None:
        """A controlled shutdown and a start."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Ends the process at once and removes the data; a second call does nothing."""
        if self._process is not None:
            self._process.kill()
        self._folder.cleanup()

    def _is_ready(self) -> bool:
        """Whether the broker lists itself as alive, which it does a moment after it opened its port.

        Sent is a Metadata request, version 0, without a client id; the answer is correlation id, then the brokers.
        """
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=1) as connection:
                connection.sendall(struct.pack(">ihhihi", 14, 3, 0, 1, -1, 0))
                head = connection.recv(12, socket.MSG_WAITALL)
        except OSError:
            return False
        return len(head) == 12 and struct.unpack(">iii", head)[2] > 0


def _give_identity(data: Path, node_id: str | None) -> None:
    """Makes the copied data folder that of another node; its identity stands in it beside the records."""
    if node_id is not None:
        own = {"node.id": node_id, "directory.id": urlsafe_b64encode(uuid4().bytes).decode().rstrip("=")}
        file = data / "meta.properties"
        pairs = dict(line.split("=", 1) for line in file.read_text().splitlines() if not line.startswith("#"))
        file.write_text("".join(f"{name}={value}\n" for name, value in (pairs | own).items()))


def _train(installation: Installation, option: str) -> None:
    """One start and one gentle end, at which Java writes the archive of the classes it has loaded."""
    with Broker(installation=installation, java_options=(option,)) as broker:
        broker.process.stop(patience_seconds=60)


def installed() -> Installation:
    """Apache Kafka's programs on this machine, fetched when they are not there yet.

    Raises:
        ServerMissing: Java, Maven or the jars cannot be had here.
    """
    return install(_train)


@contextmanager
def running_kafka() -> Iterator[str]:
    """Bootstrap address of the cluster that `STREAMPROC_TEST_BOOTSTRAP` names, or else of a broker just for this.

    Raises:
        ServerMissing: there is no such variable, and no broker can be started here.
    """
    running = os.environ.get("STREAMPROC_TEST_BOOTSTRAP")
    if running:
        yield running
        return
    with Broker() as broker:
        yield broker.bootstrap


def main() -> None:
    """Fetches and prepares what is missing."""
    try:
        install(_train)
    except ServerMissing as missing:
        sys.exit(f"Tests against Apache Kafka are not possible: {missing}")
    print(f"Apache Kafka {VERSION} is ready for tests and benchmarks.")


if __name__ == "__main__":
    main()
