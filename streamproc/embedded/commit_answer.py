"""The answer to offsets that are to be kept, in OffsetCommit and in TxnOffsetCommit."""

from collections.abc import Callable, Iterable
from typing import Any

from streamproc.embedded.cluster import Cluster
from streamproc.embedded.codes import Code
from streamproc.embedded.offsets import Committed, check_metadata

__all__ = ["commit_answer"]


def commit_answer(
    cluster: Cluster,
    name: str,
    verdict: Code,
    topics: Iterable[tuple[str, Iterable[tuple[int, int, str | None]]]],
    keep: Callable[[str, int, Committed], None],
) -> tuple[Any, ...]:
    """Throttle time, errors per partition. What one partition is refused does not concern the others.

    Args:
        cluster: whose partitions these are.
        name: of the API, for its faults.
        verdict: what concerns the request as a whole; a fault or an unknown partition goes before it.
        topics: as in the request: partition, offset and metadata, by topic.
        keep: called with topic, partition and offset, for each one that is taken.
    """

    def code(topic: str, number: int, committed: Committed) -> Code:
        fault = cluster.faults.code(name, topic, number)
        if fault is not None:
            return fault
        if cluster.topics.log(topic, number) is None:
            return Code.UNKNOWN_TOPIC_OR_PARTITION
        if verdict is not Code.NONE:
            return verdict
        refusal = check_metadata(committed.metadata)
        if refusal is Code.NONE:
            keep(topic, number, committed)
        return refusal

    return 0, [
        (
            topic,
            [
                (number, code(topic, number, Committed(offset, metadata or "")))
                for number, offset, metadata in partitions
            ],
        )
        for topic, partitions in topics
    ]
