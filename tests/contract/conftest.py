"""One worker for all tests of a file that ask nothing special of it."""

import secrets
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest
import pytest_asyncio
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.contract.harness.member import Member, running_member
from tests.contract.harness.settings import PARTITIONS
from tests.contract.harness.stage import Stage, staged

MODELS = (
    "mock-t20-i1-f2",
    "mock-t5-i1-f2",
    "mock-t4-i1-f2",
    "mock-t1000-i10-f5",
    "mock-t2000-i0-f0",
    "mock-t30-i1-cut10",
    "mock-t30-i1-cutonce10",
    "mock-t31-i1-cutonce10",
    "mock-t6-i1-nousage",
    "mock-e400",
    "mock-e401",
    "mock-e503",
    "mock-eonce500-t7-i1",
    "mock-quota",
)


class Shared(NamedTuple):
    """A worker at work, and the stage it stands on. `big` is a second request topic, which takes large records."""

    stage: Stage
    member: Member
    big: str


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(bootstrap: str) -> AsyncIterator[Shared]:
    """A worker for the whole file; answers above 4,096 bytes are too long for it."""
    prefix = f"t{secrets.token_hex(4)}"
    big = f"{prefix}.big"
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(big, PARTITIONS, 1, topic_configs={"max.message.bytes": "6000000"})])
    finally:
        await admin.close()
    changes: dict[str, dict[str, Any]] = {
        "sources": {f"{prefix}.requests": None, big: None},
        "limits": {"max_answer_characters": 4096},
    }
    async with staged(bootstrap, prefix, *MODELS, **changes) as stage, running_member(stage.settings) as member:
        yield Shared(stage, member, big)


@pytest.fixture(scope="session", autouse=True)
def programs_are_warm(warm: None) -> None:
    """Workers in processes of their own are forked."""
