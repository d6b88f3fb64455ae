"""Real servers for the whole run, and a check that the run leaves no process behind."""

import gc
import os
import secrets
import signal
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import settings as hypothesis_settings

from tests.examples import PERCENT
from tests.ranks import ranks_kept
from tests.servers.embedded import EmbeddedBroker
from tests.servers.kafka import running_kafka
from tests.servers.llama import Llama
from tests.servers.postgres import Postgres
from tests.servers.process import Process, ServerMissing
from tests.servers.redis import Redis
from tests.servers.warm import wait_until_warm, warm_address, warm_program

# How long an example takes says how busy the machine is; no test asserts a time.
hypothesis_settings.register_profile("streamproc", deadline=None, max_examples=PERCENT)
hypothesis_settings.load_profile("streamproc")

_MARK = "STREAMPROC_TEST_RUN"
_NOBODY = Path(__file__).with_name("nobody.pem")
_ENDED = "(ended, not waited for)"
_FORKS = pytest.StashKey[Process]()
Server = TypeVar("Server")


def pytest_configure() -> None:
    """Ctrl-C reaches what tests start, also where a shell that runs the tests in the background has it ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # Whom this machine trusts takes a twentieth of a second to read, for each client of hundreds, and no test calls any
    # of them. One authority whose key nobody has stands for them all.
    os.environ["SSL_CERT_FILE"] = str(_NOBODY)
    gc.disable()


def pytest_collection_finish() -> None:
    """What was collected stays to the end: seven thousand tests need not be searched for cycles again and again.

    What they make themselves is searched as seldom as in a worker.
    """
    from streamproc.cli.run import calm_collector  # noqa: PLC0415 only processes that run tests have it imported by now

    calm_collector()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that asks for a real server carries its mark: `-m 'not kafka'` is a quick run."""
    for item in items:
        for server in ("kafka", "llama", "postgres", "redis"):
            if any(name.endswith(server) for name in getattr(item, "fixturenames", ())):
                item.add_marker(server)
    # Files go to processes in their order: one that takes a minute, begun late, would be waited for by all the others.
    items.sort(key=lambda item: item.path.name != "test_cases.py")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """One process forks the commands of all the processes that run tests, which are started next."""
    stack = ExitStack()
    config.stash[_FORKS] = stack.enter_context(warm_program())
    config.add_cleanup(stack.close)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """What was forked for others is nobody's in `no_process_is_left`, and looked for when they have ended."""
    yield
    forks = session.config.stash.get(_FORKS, None)
    if forks is not None:
        left = {process: words for process, words in _processes(forks.pid).items() if words != _ENDED}
        if left and session.exitstatus == pytest.ExitCode.OK:
            sys.stderr.write(f"tests left processes behind: {left}\n")
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Tells of a failure at once: a run that is stopped by its time limit would end without a word about it."""
    if report.failed and "PYTEST_XDIST_WORKER" not in os.environ:
        sys.stderr.write(f"\n{report.when} of {report.nodeid} failed: {report.longreprtext[-2000:]}\n")


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """Bootstrap address of Apache Kafka, one cluster for all tests."""
    with ExitStack() as stack:
        yield _enter(stack, running_kafka())


@pytest.fixture(scope="session", params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def bootstrap(request: pytest.FixtureRequest) -> Iterator[str]:
    """Bootstrap address of the embedded broker, and again of Apache Kafka: what holds has to hold on both."""
    if request.param == "kafka":
        yield request.getfixturevalue("kafka")
        return
    with EmbeddedBroker() as broker:
        yield broker.bootstrap


@pytest.fixture(scope="session")
def llama() -> Iterator[str]:
    """Base address of a llama.cpp server, up to and with `/v1`; its model is `tests.servers.llama_model`."""
    with ExitStack() as stack:
        yield _enter(stack, Llama()).url


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server for all tests; each makes databases of its own."""
    with ExitStack() as stack:
        yield _enter(stack, Postgres())


@pytest.fixture(scope="session")
def warm() -> Iterator[None]:
    """Commands of `tests.e2e.program` are forked from a process that has imported them."""
    with nullcontext() if warm_address() else warm_program():
        wait_until_warm()
        yield


@pytest.fixture(scope="session", autouse=True)
def ranks_are_kept() -> Iterator[None]:
    """Each encoding of tokens is loaded once by each process that runs tests."""
    with ranks_kept():
        yield


@pytest.fixture
def narrow_llama() -> Iterator[str]:
    """The same of a server just for one test: it answers one request at a time, however long the answer is."""
    with ExitStack() as stack:
        yield _enter(stack, Llama(slots=1, context_tokens=65_536)).url


@pytest.fixture
def redis() -> Iterator[Redis]:
    """A redis-server of the test's own, which it may kill, start again and empty."""
    with ExitStack() as stack:
        yield _enter(stack, Redis())


@pytest.fixture
def small_redis() -> Iterator[Redis]:
    """The same with room for 3 MB, and no leave to forget anything."""
    with ExitStack() as stack:
        yield _enter(stack, Redis("--maxmemory", "3mb", "--maxmemory-policy", "noeviction"))


@pytest.fixture
def topic_prefix() -> Iterator[str]:
    """Begins the names of a test's topics and groups, so that tests share a cluster without meeting."""
    prefix = f"t{secrets.token_hex(4)}"
    yield prefix
    EmbeddedBroker.forget(prefix)


@pytest.fixture(scope="session", autouse=True)
def no_process_is_left() -> Iterator[None]:
    """Fails the run when a process that a test started is still there at the end, and ends it.

    Started first and so finished last. Processes are known by a variable that they inherit, also when their parent is
    gone; a child that ended and was not waited for has no variables any more, and is known by its parent.
    """
    run = secrets.token_hex(8)
    os.environ[_MARK] = run
    yield
    left = _processes(os.getpid(), f"{_MARK}={run}".encode())
    for process in left:
        os.kill(process, signal.SIGKILL)
    assert not left, f"tests left processes behind: {left}"


def _enter(stack: ExitStack, server: AbstractContextManager[Server]) -> Server:
    try:
        return stack.enter_context(server)
    except ServerMissing as missing:
        reason = str(missing)
    if os.environ.get("STREAMPROC_REQUIRE_SERVERS") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def _processes(of: int, mark: bytes | None = None) -> dict[int, str]:
    """Id and command line of the processes that are children of that one or bear the mark, where the system tells."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        parent = _read(folder / "stat").rpartition(b")")[2].split()[1:2]
        marked = mark in _read(folder / "environ").split(b"\0")
        if (marked or parent == [b"%d" % of]) and folder.name != str(os.getpid()):
            command = _read(folder / "cmdline").replace(b"\0", b" ").decode(errors="replace")
            found[int(folder.name)] = command or _ENDED
    return found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # the process has ended since, or belongs to another user
        return b""
