"""What a coordinator tells of a group: its errors are not taken for missing offsets."""

from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import GroupAuthorizationFailedError, GroupLoadInProgressError, KafkaError
from aiokafka.protocol.commit import OffsetFetchResponse_v1, OffsetFetchResponse_v3
from aiokafka.structs import OffsetAndMetadata

from streamproc.kafka.committed import committed_offsets

ZERO, ONE = TopicPartition("t", 0), TopicPartition("t", 1)


class Coordinator:
    """Gives one answer."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer
        self._coordinator = self

    async def ensure_coordinator_known(self) -> None:
        """It is known."""

    async def _send_req(self, request: Any) -> Any:
        return self._answer


async def test_offsets_are_told_and_missing_ones_left_out() -> None:
    """-1 is Kafka's word for none."""
    answer = OffsetFetchResponse_v3(0, [("t", [(0, 5, "m", 0), (1, -1, "", 0)])], 0)
    assert await committed_offsets(Coordinator(answer), "g", [ZERO, ONE]) == {ZERO: OffsetAndMetadata(5, "m")}


async def test_an_error_of_the_whole_answer_is_no_missing_offset() -> None:
    """It is passed over by aiokafka. A claim just after a coordinator's restart would have answered everything once more."""
    answer = OffsetFetchResponse_v3(0, [], 14)
    with pytest.raises(GroupLoadInProgressError):
        await committed_offsets(Coordinator(answer), "g", [ZERO])


async def test_an_error_of_a_partition_is_none_either() -> None:
    """Old brokers know no other."""
    answer = OffsetFetchResponse_v1([("t", [(0, -1, "", 30)])])
    with pytest.raises(GroupAuthorizationFailedError):
        await committed_offsets(Coordinator(answer), "g", [ZERO])


async def test_a_partition_that_is_not_told_is_no_missing_offset() -> None:
    """An answer that leaves it out says nothing of it."""
    with pytest.raises(KafkaError, match="did not tell the offsets"):
        await committed_offsets(Coordinator(OffsetFetchResponse_v3(0, [], 0)), "g", [ZERO])


async def test_a_kafka_that_names_no_broker_is_away() -> None:
    """After a standstill all brokers are fenced for a moment; aiokafka asserts that there is one, and a worker ended."""

    class Nobody(Coordinator):
        async def ensure_coordinator_known(self) -> None:
            raise AssertionError("Did we not perform bootstrap?")

    with pytest.raises(KafkaError, match="names no broker"):
        await committed_offsets(Nobody(None), "g", [ZERO])
