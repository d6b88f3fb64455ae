"""The assignor: which member of the group gets which partitions. Every topic is shared out by itself."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment

__all__ = ["own_sticky_assignor"]


def own_sticky_assignor(protocol: str, former_generation: Callable[[], int]) -> type[Any]:
    """An assignor of this name for one consumer.

    `former_generation` is called before each join, and gives the generation of the last assignment, -1 for none.

    aiokafka's sticky assignor remembers the former assignment in its class: consumers of one process would share it.
    It is never told of which generation that was: a member that woke up from a freeze and its successor both remember
    a partition, and either might get it. And it counts the partitions of all topics together: the second worker of a
    group would get all those with deferred runs, and none with requests.
    """

    class OwnStickyAssignor(StickyPartitionAssignor):  # type: ignore[misc] # aiokafka has no types
        name = protocol

        @classmethod
        def metadata(cls, topics: Iterable[str]) -> Any:
            cls.on_generation_assignment(former_generation())  # the last thing before each join
            return super().metadata(topics)

        @classmethod
        def assign(cls, cluster: Any, members: Mapping[str, Any]) -> dict[str, Any]:
            known = {name: cls.parse_member_metadata(member) for name, member in members.items()}
            found: dict[str, list[tuple[str, list[int]]]] = {name: [] for name in members}
            for topic in sorted({topic for member in known.values() for topic in member.subscription}):
                alone = {
                    name: cls._metadata(
                        [topic], [place for place in member.partitions if place.topic == topic], member.generation
                    )
                    for name, member in known.items()
                    if topic in member.subscription
                }
                for name, share in super().assign(cluster, alone).items():
                    found[name] += share.assignment
            return {name: ConsumerProtocolMemberAssignment(cls.version, share, b"") for name, share in found.items()}

    return OwnStickyAssignor
