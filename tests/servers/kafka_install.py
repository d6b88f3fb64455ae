"""Apache Kafka on this machine: its jars, a formatted data folder and a class archive, made once and kept in the checkout.

The class archive (AppCDS, a memory-mapped file of classes that are already parsed and linked) is what makes a start
take about one second instead of three.
"""

import fcntl
import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.kafka_settings import CONTROLLER_PORT, Java, properties
from tests.servers.process import ServerMissing

__all__ = ["VERSION", "Installation", "install"]

VERSION = "4.1.0"
_POM = Path(__file__).with_name("kafka.pom.xml")
_CACHE = Path(__file__).resolve().parents[2] / ".cache" / f"kafka-{VERSION}"
_CLUSTER_ID = "c3RyZWFtcHJvYy10ZXN0cw"


@dataclass(frozen=True, slots=True)
class Installation:
    """What a broker is started from; `formatted` is a data folder to be copied, `archive` its class archive."""

    java: Java
    formatted: Path
    archive: Path


def install(train: Callable[[Installation, str], None]) -> Installation:
    """Gives the installation and makes what is missing of it; safe when several processes do so at once.

    `train` starts a broker with the Java option it is given, waits until it answers, and ends it gently.

    Raises:
        ServerMissing: no Java, no Maven, or the jars cannot be fetched.
    """
    program = shutil.which("java")
    if program is None:
        raise ServerMissing("Apache Kafka needs Java 17 or newer, and there is no `java` on the PATH")
    with _alone_in(_CACHE):
        # Named after their list, so that a change of the list fetches them anew.
        java = Java(program, _CACHE / f"libs-{hashlib.sha256(_POM.read_bytes()).hexdigest()[:12]}")
        installation = Installation(java, _CACHE / "formatted", _CACHE / f"classes-{_fingerprint(java)}.jsa")
        if not java.libs.exists():
            with _appearing_at(java.libs) as folder:
                _fetch_jars(folder)
        if not installation.formatted.exists():
            with _appearing_at(installation.formatted) as folder:
                _format(java, folder)
        if not installation.archive.exists():
            with _appearing_at(installation.archive) as file:
                train(installation, f"-XX:ArchiveClassesAtExit={file}")
    return installation


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the kernel gives it back when the process ends, however it ends
        yield


@contextmanager
def _appearing_at(place: Path) -> Iterator[Path]:
    """A path to make something at; it gets its name only when it is complete."""
    with tempfile.TemporaryDirectory(dir=place.parent) as workshop:
        unfinished = Path(workshop) / place.name
        yield unfinished
        unfinished.rename(place)


def _fingerprint(java: Java) -> str:
    """An archive fits one Java and one place of the jars only."""
    binary = Path(java.program).resolve()
    return hashlib.sha256(f"{binary} {binary.stat().st_mtime_ns} {java.libs}".encode()).hexdigest()[:12]


def _fetch_jars(folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise ServerMissing("the jars of Apache Kafka come through Maven, and there is no `mvn` on the PATH")
    # -U: Maven remembers a failed download and would not try again.
    goal = ("dependency:copy-dependencies", f"-DoutputDirectory={folder}")
    _run((maven, "-q", "-B", "-U", "-f", str(_POM), *goal), "the jars of Apache Kafka could not be fetched", 900)


def _format(java: Java, folder: Path) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".properties") as file:
        file.write(properties(CONTROLLER_PORT - 1, CONTROLLER_PORT, folder, {}))
        file.flush()
        command = java.command("kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", file.name)
        _run(command, "the data folder of Apache Kafka could not be formatted", 60)


def _run(command: tuple[str, ...], failure: str, patience_seconds: float) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=patience_seconds)
    except subprocess.CalledProcessError as exc:
        words = "\n".join((exc.stdout + exc.stderr).strip().splitlines()[:8])
        raise ServerMissing(f"{failure}: {words}") from exc
    except subprocess.TimeoutExpired as exc:
        raise ServerMissing(f"{failure} within {patience_seconds:g} s") from exc
