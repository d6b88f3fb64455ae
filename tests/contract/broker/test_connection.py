"""What is true for every request: versions, order, and frames that make no sense."""

import asyncio
import struct

import pytest
from aiokafka.protocol.admin import ApiVersionRequest_v0, ApiVersionRequest_v2, ApiVersionResponse_v0

from streamproc.embedded.codes import Code
from tests.contract.broker.batches import batch
from tests.contract.broker.conftest import Connect
from tests.contract.broker.partition import Partition
from tests.contract.broker.wire import Wire

API_VERSIONS, PRODUCE = 18, 0

USED = {
    "Produce": (0, 7),
    "Fetch": (1, 11),
    "ListOffsets": (2, 3),
    "Metadata": (3, 5),
    "OffsetCommit": (8, 3),
    "OffsetFetch": (9, 3),
    "FindCoordinator": (10, 1),
    "JoinGroup": (11, 5),
    "Heartbeat": (12, 1),
    "LeaveGroup": (13, 1),
    "SyncGroup": (14, 3),
    "DescribeGroups": (15, 3),
    "ListGroups": (16, 1),
    "ApiVersions": (18, 0),
    "CreateTopics": (19, 3),
    "DeleteTopics": (20, 3),
    "InitProducerId": (22, 0),
    "AddPartitionsToTxn": (24, 0),
    "AddOffsetsToTxn": (25, 0),
    "EndTxn": (26, 0),
    "TxnOffsetCommit": (28, 0),
    "DescribeConfigs": (32, 2),
    "AlterConfigs": (33, 1),
    "DeleteGroups": (42, 1),
}
"""Key and highest version of each API as aiokafka 0.14 has it."""


@pytest.mark.parametrize("request_", [ApiVersionRequest_v0(), ApiVersionRequest_v2()], ids=["v0", "v2"])
async def test_the_versions_that_clients_use_are_served(wire: Wire, request_: ApiVersionRequest_v0) -> None:
    """Also to those who ask in an older or newer way."""
    answer = await wire.ask(request_)
    assert answer.error_code == Code.NONE
    served = {key: range(low, high + 1) for key, low, high in answer.api_versions}
    assert [name for name, (key, version) in USED.items() if version not in served.get(key, range(0))] == []


async def test_an_unknown_version_of_the_question_for_versions_is_answered(wire: Wire) -> None:
    """In version 0, with the table: a newer client learns from it and asks again on the same connection."""
    await wire.send_bytes(struct.pack(">hhih", API_VERSIONS, 99, 7, -1) + b"\x00\x01x\x00")
    correlation, body = await wire.receive()
    answer = ApiVersionResponse_v0.decode(body)
    assert (correlation, answer.error_code) == (7, Code.UNSUPPORTED_VERSION)
    assert API_VERSIONS in {key for key, *_ in answer.api_versions}
    assert (await wire.ask(ApiVersionRequest_v0())).error_code == Code.NONE


NO_REQUESTS = {
    "unknown api": struct.pack(">hhih", 999, 0, 1, -1),
    "unknown version": struct.pack(">hhih", PRODUCE, 99, 1, -1),
    "no sense": struct.pack(">hhih", PRODUCE, 7, 1, -1) + b"\xff" * 3,
    "cut header": struct.pack(">hh", PRODUCE, 7),
}


@pytest.mark.parametrize("frame", NO_REQUESTS.values(), ids=NO_REQUESTS)
async def test_a_frame_that_is_no_request_closes_the_connection(
    partition: Partition, connect: Connect, frame: bytes
) -> None:
    """Only that one; others go on."""
    bad = await connect()
    await bad.send_bytes(frame)
    with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
        await bad.receive()
    assert (await partition.produce(batch(b"a"))).code == Code.NONE


async def test_a_client_without_a_name_is_served(wire: Wire) -> None:
    """The client id of a header may be missing."""
    await wire.send_bytes(struct.pack(">hhih", API_VERSIONS, 0, 5, -1))
    assert (await wire.receive())[0] == 5
