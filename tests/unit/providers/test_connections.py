"""The connections of a provider in numbers, up to the metrics port."""

import asyncio
import urllib.request
from contextlib import aclosing
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from streamproc.errors import ConnectFailed, Disconnected, TimedOut
from streamproc.observe.gauges import ConnectionState, WorkerState
from streamproc.observe.health import start_health_server
from streamproc.observe.metrics import Metrics
from streamproc.providers.catalog import Catalog
from streamproc.providers.http_pool import NoneFree
from streamproc.settings.provider import ProviderSettings
from tests.fakes import eventually
from tests.faults.raw_provider import DONE, END, FINISH, STREAM, Connection, first, outcome, raw_provider, token
from tests.unit.providers.calls import a_call
from tests.unit.providers.pools import a_pool, ask


def catalog(**fields: Any) -> Catalog:
    """One provider `p` with these settings."""
    return Catalog({"p": ProviderSettings.model_validate({"models": ["m"], **fields})}, now=lambda: 0.0)


async def test_a_pool_counts() -> None:
    """Who finds a connection idle did not wait; opening one is waiting, and so is giving up."""
    async with a_pool(max_connections=1) as (pool, _):
        assert pool.state == (0, 0, 0, 0, 0.0)
        connection, _ = await ask(pool)
        assert pool.state[:4] == (1, 0, 0, 1)
        opened = pool.state.waited_seconds
        waiting = asyncio.create_task(pool.lease(5))
        await asyncio.sleep(0.01)
        assert pool.state[:4] == (1, 0, 1, 1)
        pool.release(connection)
        assert await waiting is connection
        assert pool.state[:4] == (1, 0, 0, 2)
        assert pool.state.waited_seconds >= opened + 0.009
        with pytest.raises(NoneFree):
            await pool.lease(0.01)
        pool.release(connection)
        assert pool.state[:4] == (0, 1, 0, 3)
        pool.release(await pool.lease(5))
        assert pool.state[:4] == (0, 1, 0, 3)


async def test_failures_count_by_code() -> None:
    """Each kind for itself; a call that succeeds counts as none."""
    ends = ["closes", "holds", "answers"]

    async def behave(connection: Connection) -> None:
        match ends.pop(0):
            case "closes":
                connection.close()
            case "holds":
                await connection.hold()
            case _:
                await connection.send(STREAM, token("a"), FINISH, DONE, END)

    async with raw_provider(behave) as server:
        built = catalog(base_url=server.url, timeouts={"first_byte_seconds": 0.2})
        assert built.connections()["p"] == (0, 0, 0, 0, 0.0, {"connect_failed": 0, "disconnected": 0, "timed_out": 0})
        for kind in (Disconnected, TimedOut, type(None)):
            _, _, error = await outcome(built.providers["p"], a_call())
            assert type(error) is kind
    _, _, error = await outcome(built.providers["p"], a_call())
    assert type(error) is ConnectFailed
    assert built.connections()["p"].errors == {"connect_failed": 1, "disconnected": 1, "timed_out": 1}
    await built.aclose()


async def test_all_credentials_together() -> None:
    """A provider with two keys has two pools; its numbers are their sum. httpx tells of no pool."""

    async def behave(connection: Connection) -> None:
        await connection.send(STREAM, token("a"))
        await connection.hold()

    async with raw_provider(behave) as server:
        built = catalog(base_url=server.url, credentials={"a": {"api_key": "ka"}, "b": {"api_key": "kb"}})
        async with (
            aclosing(built.providers["p"].stream(a_call())) as one,
            aclosing(built.providers["p"].stream(a_call())) as two,
        ):
            await first(one)
            await first(two)
            assert built.connections()["p"][:4] == (2, 0, 0, 2)
        assert built.connections()["p"][:4] == (0, 0, 0, 2)
        await built.aclose()
        other = catalog(base_url=server.url, engine="httpx")
        assert other.connections()["p"] == (
            None,
            None,
            None,
            None,
            None,
            {"connect_failed": 0, "disconnected": 0, "timed_out": 0},
        )
        await other.aclose()
    assert catalog(kind="scripted").connections() == {}


async def test_they_are_on_the_metrics_port() -> None:
    """Read at the moment of a scrape, by the thread of the port; what is not known is absent."""

    async def behave(connection: Connection) -> None:
        await connection.send(STREAM, token("a"))
        await connection.hold()

    def state() -> WorkerState:
        held = tuple(ConnectionState(name, **numbers._asdict()) for name, numbers in built.connections().items())
        unknown = ConnectionState("other", None, None, None, None, None, {"timed_out": 2})
        return WorkerState(0, 0, 0, 0, 0, (), (*held, unknown))

    registry = CollectorRegistry()
    Metrics(registry, state)
    port = start_health_server("127.0.0.1", 0, registry, lambda: None, lambda: None)
    try:
        async with raw_provider(behave) as server:
            built = catalog(base_url=server.url, max_connections=1)
            async with aclosing(built.providers["p"].stream(a_call())) as stream:
                await first(stream)
                second = asyncio.create_task(outcome(built.providers["p"], a_call()))
                await eventually(lambda: built.connections()["p"].waiting == 1)
                url = f"http://127.0.0.1:{port.port}/metrics"
                page = (await asyncio.to_thread(urllib.request.urlopen, url)).read().decode()
            second.cancel()
            await asyncio.gather(second, return_exceptions=True)
            await built.aclose()
    finally:
        port.close()
    shown = dict(line.rsplit(" ", 1) for line in page.splitlines() if line.startswith("llm_connection"))
    assert float(shown.pop('llm_connection_wait_seconds_sum{provider="p"}')) > 0
    assert shown == {
        'llm_connections{provider="p",state="active"}': "1.0",
        'llm_connections{provider="p",state="idle"}': "0.0",
        'llm_connection_waiting{provider="p"}': "1.0",
        'llm_connection_wait_seconds_count{provider="p"}': "1.0",
        'llm_connection_errors_total{code="connect_failed",provider="p"}': "0.0",
        'llm_connection_errors_total{code="disconnected",provider="p"}': "0.0",
        'llm_connection_errors_total{code="timed_out",provider="p"}': "0.0",
        'llm_connection_errors_total{code="timed_out",provider="other"}': "2.0",
    }
