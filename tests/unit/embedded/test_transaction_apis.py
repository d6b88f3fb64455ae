"""The five requests of a transaction as they come off the wire, and their answers as they go back."""

from io import BytesIO
from types import ModuleType
from typing import Any

import pytest
from aiokafka.protocol.transaction import (
    AddOffsetsToTxnRequest_v0,
    AddPartitionsToTxnRequest_v0,
    EndTxnRequest_v0,
    InitProducerIdRequest_v0,
    TxnOffsetCommitRequest_v0,
)

from streamproc.embedded.apis import (
    add_offsets_to_txn,
    add_partitions_to_txn,
    end_txn,
    init_producer_id,
    txn_offset_commit,
)
from streamproc.embedded.codes import Code
from streamproc.embedded.faults import Fault
from streamproc.embedded.offsets import MAX_METADATA_CHARACTERS, Committed
from streamproc.embedded.transaction import Group, Partition, Producer
from tests.unit.embedded.transaction_rig import CLIENT, Rig

FIRST = Partition("out", 0)
READERS = Group("readers")


@pytest.fixture
def rig() -> Rig:
    """Nobody has asked for a producer id yet."""
    return Rig()


async def _ask(rig: Rig, api: ModuleType, request: Any) -> Any:
    """The answer as the client decodes it."""
    assert type(request) in api.REQUESTS
    sent = type(request).decode(BytesIO(request.encode()))
    response = request.RESPONSE_TYPE(*await api.answer(rig.cluster, CLIENT, sent))
    return request.RESPONSE_TYPE.decode(BytesIO(response.encode()))


async def _add(rig: Rig, producer: Producer, *topics: tuple[str, list[int]]) -> Any:
    request = AddPartitionsToTxnRequest_v0("worker", *producer, list(topics))
    return (await _ask(rig, add_partitions_to_txn, request)).errors


async def _commit_offsets(
    rig: Rig, producer: Producer, *partitions: tuple[int, int, str | None], group: str = "readers", id_: str = "worker"
) -> list[Code]:
    """Codes for partitions of `out`."""
    request = TxnOffsetCommitRequest_v0(id_, group, *producer, [("out", list(partitions))])
    [(topic, answers)] = (await _ask(rig, txn_offset_commit, request)).errors
    assert topic == "out"
    assert [number for number, _ in answers] == [number for number, *_ in partitions]
    return [Code(code) for _, code in answers]


async def _end(rig: Rig, producer: Producer, *, commit: bool = True) -> Code:
    return Code((await _ask(rig, end_txn, EndTxnRequest_v0("worker", *producer, commit))).error_code)


async def test_a_whole_transaction(rig: Rig) -> None:
    """From who am I to the committed offset."""
    answer = await _ask(rig, init_producer_id, InitProducerIdRequest_v0("worker", 60_000))
    producer = Producer(answer.producer_id, answer.producer_epoch)
    assert (answer.error_code, producer.epoch) == (0, 0)
    assert await _add(rig, producer, ("out", [0, 2])) == [("out", [(0, 0), (2, 0)])]
    added = await _ask(rig, add_offsets_to_txn, AddOffsetsToTxnRequest_v0("worker", *producer, "readers"))
    assert added.error_code == 0
    assert await _commit_offsets(rig, producer, (0, 5, "note")) == [Code.NONE]
    assert await _end(rig, producer) is Code.NONE
    assert await _end(rig, producer) is Code.CONCURRENT_TRANSACTIONS
    rig.write_markers()
    assert await _end(rig, producer) is Code.NONE
    assert await _end(rig, producer, commit=False) is Code.INVALID_TXN_STATE
    assert [len(rig.markers(number)) for number in range(3)] == [1, 0, 1]
    assert rig.offsets("readers").committed("out", 0) == Committed(5, "note")


async def test_who_gets_no_producer_id_is_told_minus_one(rig: Rig) -> None:
    """As on Kafka; the old epoch would be an invitation."""
    answer = await _ask(rig, init_producer_id, InitProducerIdRequest_v0("worker", 0))
    assert (answer.error_code, answer.producer_id, answer.producer_epoch) == (50, -1, -1)


async def test_one_unknown_partition_keeps_the_others_out(rig: Rig) -> None:
    """Nothing begins, so that there is nothing to end."""
    producer = rig.owner()
    errors = await _add(rig, producer, ("out", [0, 7, -1]), ("nowhere", [0]))
    unknown = Code.UNKNOWN_TOPIC_OR_PARTITION
    assert errors == [
        ("out", [(0, Code.OPERATION_NOT_ATTEMPTED), (7, unknown), (-1, unknown)]),
        ("nowhere", [(0, unknown)]),
    ]
    assert await _end(rig, producer) is Code.INVALID_TXN_STATE


async def test_an_unknown_partition_is_reported_before_a_wrong_producer(rig: Rig) -> None:
    """The order in which Kafka looks."""
    stranger = Producer(1, 0)
    assert await _add(rig, stranger, ("out", [0, 9])) == [("out", [(0, 55), (9, 3)])]
    assert await _add(rig, stranger, ("out", [0, 0])) == [("out", [(0, 49), (0, 49)])]


async def test_offsets_are_held_for_the_owner_of_an_open_transaction_only(rig: Rig) -> None:
    """The transaction is asked for before the offset is looked at, and the partition before both."""
    producer, long = rig.owner(), "x" * (MAX_METADATA_CHARACTERS + 1)
    assert await _commit_offsets(rig, producer, (0, 5, long), (9, 5, "")) == [
        Code.INVALID_TXN_STATE,
        Code.UNKNOWN_TOPIC_OR_PARTITION,
    ]
    rig.begin(producer, READERS)
    assert await _commit_offsets(rig, Producer(producer.id, 5), (0, 5, "")) == [Code.INVALID_PRODUCER_EPOCH]
    assert await _commit_offsets(rig, Producer(1, 0), (0, 5, "")) == [Code.INVALID_PRODUCER_ID_MAPPING]
    assert await _commit_offsets(rig, producer, (0, 5, ""), group="others") == [Code.INVALID_TXN_STATE]
    assert await _commit_offsets(rig, producer, (0, 5, ""), group="") == [Code.INVALID_GROUP_ID]
    assert await _commit_offsets(rig, producer, (0, 5, ""), id_="") == [Code.INVALID_REQUEST]
    assert await _commit_offsets(rig, producer, (0, 5, ""), id_="nobody") == [Code.INVALID_PRODUCER_ID_MAPPING]
    await _end(rig, producer)
    rig.write_markers()
    assert rig.offsets("readers").committed("out", 0) is None


async def test_one_offset_with_too_long_a_note_does_not_keep_the_others_out(rig: Rig) -> None:
    """A note at the limit is taken, none at all is an empty one, and the last offset counts."""
    producer, longest = rig.owner(), "x" * MAX_METADATA_CHARACTERS
    rig.begin(producer, READERS)
    codes = await _commit_offsets(rig, producer, (0, 4, ""), (0, 5, longest), (1, 6, longest + "x"), (2, 7, None))
    assert codes == [Code.NONE, Code.NONE, Code.OFFSET_METADATA_TOO_LARGE, Code.NONE]
    await _end(rig, producer)
    rig.write_markers()
    offsets = rig.offsets("readers")
    assert [offsets.committed("out", number) for number in range(3)] == [Committed(5, longest), None, Committed(7, "")]


@pytest.mark.parametrize(
    ("api", "request_"),
    [
        (init_producer_id, InitProducerIdRequest_v0("worker", 60_000)),
        (add_offsets_to_txn, AddOffsetsToTxnRequest_v0("worker", 1_000, 0, "readers")),
        (end_txn, EndTxnRequest_v0("worker", 1_000, 0, True)),
    ],
)
async def test_a_fault_stands_in_the_place_of_the_work(rig: Rig, api: ModuleType, request_: Any) -> None:
    """The transaction stays as it was, open and without the group."""
    producer = rig.owner()
    rig.begin(producer, FIRST)
    rig.cluster.faults.add(Fault(api.NAME, error=Code.NOT_COORDINATOR))
    assert (await _ask(rig, api, request_)).error_code == Code.NOT_COORDINATOR
    assert rig.transactions.check("worker", producer, FIRST) is Code.NONE
    assert rig.transactions.check("worker", producer, READERS) is Code.INVALID_TXN_STATE


async def test_a_fault_of_one_partition_keeps_the_others_out_of_the_transaction(rig: Rig) -> None:
    """As any error of AddPartitionsToTxn that only one partition has."""
    producer = rig.owner()
    rig.cluster.faults.add(Fault("AddPartitionsToTxn", "out", 1, error=Code.CONCURRENT_TRANSACTIONS))
    assert await _add(rig, producer, ("out", [0, 1])) == [("out", [(0, 55), (1, 51)])]
    assert await _end(rig, producer) is Code.INVALID_TXN_STATE
    assert await _add(rig, producer, ("out", [0, 1])) == [("out", [(0, 0), (1, 0)])]


async def test_a_fault_of_one_partition_concerns_only_its_offset(rig: Rig) -> None:
    """The other offset is held."""
    producer = rig.owner()
    rig.begin(producer, READERS)
    rig.cluster.faults.add(Fault("TxnOffsetCommit", "out", 0, error=Code.COORDINATOR_LOAD_IN_PROGRESS))
    codes = await _commit_offsets(rig, producer, (0, 5, ""), (1, 6, ""))
    assert codes == [Code.COORDINATOR_LOAD_IN_PROGRESS, Code.NONE]
    await _end(rig, producer)
    rig.write_markers()
    offsets = rig.offsets("readers")
    assert [offsets.committed("out", number) for number in (0, 1)] == [None, Committed(6, "")]
