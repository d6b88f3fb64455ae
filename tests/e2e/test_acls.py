"""Apache Kafka with ACLs: a worker that lacks a right says which at its start, and takes nothing."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Int8, Int16, Int32, Schema, String

from tests.e2e.program import run, sentence_of
from tests.servers.kafka import Broker
from tests.servers.network import wait_until
from tests.servers.process import ServerMissing

pytestmark = pytest.mark.kafka

_ROLES = ("requests", "chunks", "results", "usage", "dead", "journal", "deferred", "control")
_TOPIC, _GROUP, _TRANSACTIONAL_ID = 2, 3, 5
_READ, _WRITE, _DESCRIBE = 3, 4, 8
_SETTINGS = """
[providers.p]
kind = "scripted"
models = ["m"]
[topics]
partitions = 1
[observe]
metrics_enabled = false
"""


_SMALL = {"STREAMPROC_WORKER__MAX_WINDOW": "1000"}  # a window whose metadata this broker keeps


class Acl(NamedTuple):
    """What bob may do, literally with this resource; an address `*` is any."""

    kind: int
    name: str
    operation: int


class _Answer(Response):  # type: ignore[misc] # aiokafka has no types
    API_KEY = 30
    API_VERSION = 1
    SCHEMA = Schema(("throttle_time_ms", Int32), ("results", Array(("error_code", Int16), ("message", String()))))


class _Struct(RequestStruct):  # type: ignore[misc] # the same
    API_KEY = 30
    API_VERSION = 1
    RESPONSE_TYPE = _Answer
    SCHEMA = Schema(
        (
            "creations",
            Array(
                ("kind", Int8),
                ("name", String()),
                ("pattern", Int8),
                ("principal", String()),
                ("host", String()),
                ("operation", Int8),
                ("permission", Int8),
            ),
        )
    )


class _CreateAcls(Request[_Struct]):  # type: ignore[misc] # the same
    API_KEY = 30

    def __init__(self, acls: Sequence[Acl]) -> None:
        self._acls = [(acl.kind, acl.name, 3, "User:bob", "*", acl.operation, 3) for acl in acls]

    def build(self, request_struct_class: Any) -> Any:
        return request_struct_class(self._acls)


def _variables(bootstrap: str, user: str) -> dict[str, str]:
    own = {
        "BOOTSTRAP_SERVERS": bootstrap,
        "SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "SASL_USERNAME": user,
        "SASL_PASSWORD": "right",
    }
    return {f"STREAMPROC_KAFKA__{name}": value for name, value in own.items()}


@asynccontextmanager
async def _admin(bootstrap: str) -> AsyncIterator[Any]:
    admin = AIOKafkaAdminClient(
        bootstrap_servers=bootstrap,
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="PLAIN",
        sasl_plain_username="broker",
        sasl_plain_password="right",
    )
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


@pytest.fixture(scope="module")
def guarded(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Bootstrap address of a broker on which only what is allowed is possible, and only the broker may do all.

    It keeps little text beside an offset.
    """
    del kafka  # where it cannot be had, this one cannot either
    folder = tmp_path_factory.mktemp("guarded")
    overrides = {
        "listener.security.protocol.map": "CLIENT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
        "sasl.enabled.mechanisms": "PLAIN",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "listener.name.client.plain.sasl.jaas.config": (
            "org.apache.kafka.common.security.plain.PlainLoginModule required"
            ' username="broker" password="right" user_broker="right" user_bob="right";'
        ),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:broker;User:ANONYMOUS",
        "offset.metadata.max.bytes": "600",
    }
    try:
        broker = Broker(overrides)
    except ServerMissing as missing:
        pytest.skip(str(missing))

    def makes_topics() -> bool:
        return run("topics", "create", folder=folder, **_variables(broker.bootstrap, "broker"), **_SMALL).code == 0

    try:
        broker.launch()
        wait_until(makes_topics, broker.process, "Apache Kafka")
        yield broker.bootstrap
    finally:
        broker.close()


async def test_each_right_that_is_missing_is_told(guarded: str, tmp_path: Path) -> None:
    """The worker started, and its log repeated a refusal for ever; the runs were answered and published nowhere.

    Kafka's controller answers for a new ACL before its broker knows of it, so the old sentence may be told once more.
    """
    (tmp_path / "streamproc.toml").write_text(_SETTINGS)

    def start() -> str:
        sentence = sentence_of(run("run", folder=tmp_path, **_variables(guarded, "bob")))
        return sentence.removeprefix(f"Kafka at {guarded} does not allow ")

    async def start_after(before: str) -> str:
        async with asyncio.timeout(30):
            while (said := await asyncio.to_thread(start)) == before:
                pass
        return said

    async with _admin(guarded) as admin:

        async def allow(*acls: Acl) -> None:
            answer = await admin._send_request(_CreateAcls(acls))
            assert [code for code, _ in answer.results] == [0] * len(acls)

        def topics(operation: int, *roles: str) -> list[Acl]:
            return [Acl(_TOPIC, f"llm.{role}", operation) for role in roles]

        said = start()
        assert said == (
            "user 'bob' Read of llm.requests, llm.deferred, llm.journal, llm.usage, llm.control, nor Write of"
            " llm.chunks, llm.results, llm.usage, llm.dead, llm.journal, llm.deferred, llm.alerts; add the ACLs"
        )
        most = ("chunks", "usage", "journal", "deferred", "alerts")
        await allow(*topics(_READ, *_ROLES), *topics(_WRITE, *most))
        said = await start_after(said)
        assert said == "user 'bob' Write of llm.results, llm.dead; add the ACLs"
        await allow(*topics(_WRITE, "results", "dead"))
        said = await start_after(said)
        assert "joining the group" in said
        await allow(Acl(_GROUP, "streamproc", _READ))
        assert "transactions under the id" in await start_after(said)


def test_a_broker_that_keeps_too_little_beside_an_offset_is_told(guarded: str, tmp_path: Path) -> None:
    """It refused the offset of a partition as soon as many runs were finished behind a slow one.

    Who may not see its settings goes on: bob, above, came as far as his rights.
    """
    (tmp_path / "streamproc.toml").write_text(_SETTINGS)
    said = run("topics", "check", folder=tmp_path, **_variables(guarded, "broker"))
    assert "keeps at most 600 characters beside an offset (offset.metadata.max.bytes), but with" in sentence_of(said)
    assert run("topics", "check", folder=tmp_path, **_variables(guarded, "broker"), **_SMALL).code == 0
