import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.servers.kafka import Broker
from tests.servers.process import Process, ServerMissing

_SLEEPER = (sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)")


@pytest.fixture
def broker(kafka: str) -> Broker:
    """A broker of the test's own, on machines where there can be one."""
    if os.environ.get("STREAMPROC_TEST_BOOTSTRAP"):
        pytest.skip("STREAMPROC_TEST_BOOTSTRAP names a cluster that tests must not kill")
    return Broker()


def test_a_killed_broker_comes_back_on_its_port(broker: Broker) -> None:
    """`kill` ends it at once, `start` brings it back at the same address with the same data."""
    with broker:
        address = broker.bootstrap
        broker.kill()
        assert repr(broker) == f"<Broker {address} stopped>"
        broker.start()
        assert repr(broker) == f"<Broker {address} running>"
    assert not broker.folder.exists()


def test_a_paused_process_is_stopped_gently(tmp_path: Path) -> None:
    """`stop` wakes a paused process, so that it gets the signal and ends by itself."""
    program = "import signal, sys; print('up', flush=True); signal.sigwait({signal.SIGTERM}); print('bye')"
    blocked = f"import signal; signal.pthread_sigmask(signal.SIG_BLOCK, {{signal.SIGTERM}}); {program}"
    process = Process((sys.executable, "-c", blocked), tmp_path / "log")
    while "up" not in process.last_words():
        time.sleep(0.01)
    process.pause()
    process.stop(patience_seconds=5)
    assert process.last_words() == "up\nbye"


def test_a_process_ends_with_its_killed_parent(tmp_path: Path) -> None:
    """SIGKILL to the test run leaves no server behind."""
    program = (
        "import pathlib, os, signal, sys\n"
        "from tests.servers.process import Process\n"
        f"process = Process({_SLEEPER!r}, pathlib.Path(sys.argv[1]))\n"
        "while 'up' not in process.last_words(): pass\n"
        "print(process.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "log"], cwd=root, stdout=subprocess.PIPE, check=False
    )
    assert _is_gone(int(done.stdout), patience_seconds=10)


def test_without_java_the_message_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is missing is named in one line."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServerMissing, match="no `java` on the PATH"):
        Broker()


def _is_gone(pid: int, patience_seconds: float) -> bool:
    give_up = time.monotonic() + patience_seconds
    while time.monotonic() < give_up:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":  # an orphan's new parent may take its time to wait for it
            return True
        time.sleep(0.02)
    return False
