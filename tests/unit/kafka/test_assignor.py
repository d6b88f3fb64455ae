"""The assignor: each topic is shared out evenly, and what can stay stays."""

from collections.abc import Iterable
from functools import partial

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from streamproc.kafka.assignor import own_sticky_assignor

TOPICS = ("llm.deferred", "llm.requests")


class Cluster:
    """Two topics of the same width."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions

    def topics(self) -> set[str]:
        return set(TOPICS)

    def partitions_for_topic(self, topic: str) -> set[int]:
        return set(range(self._partitions))


class Group:
    """Members that come and go, each with an assignor that remembers what it had."""

    def __init__(self, partitions: int) -> None:
        self._cluster = Cluster(partitions)
        self._had: dict[str, list[TopicPartition]] = {}

    def share(self, members: Iterable[str]) -> dict[str, set[TopicPartition]]:
        """What each of these members gets."""
        joins = {}
        for name in members:
            assignor = own_sticky_assignor("p", lambda: 1)
            assignor.member_assignment = self._had.get(name)
            joins[name] = assignor.metadata(TOPICS)
        found = own_sticky_assignor("p", lambda: 1).assign(self._cluster, joins)
        self._had = {name: share.partitions() for name, share in found.items()}
        return {name: set(places) for name, places in self._had.items()}


@pytest.mark.parametrize("partitions", [1, 4, 12])
def test_every_topic_is_shared_out_by_itself(partitions: int) -> None:
    """Whoever comes and goes: of each topic nobody has two partitions more than another, and each is somebody's.

    aiokafka's own counted all partitions together: the second worker got every deferred run, and no request.
    """
    group = Group(partitions)
    for members in ("a", "ab", "abc", "bc", "bcdef", "b", "bg"):
        shares = group.share(members)
        for topic in TOPICS:
            counts = [sum(place.topic == topic for place in share) for share in shares.values()]
            assert max(counts) - min(counts) <= 1
            assert sum(counts) == partitions


def test_what_can_stay_stays() -> None:
    """A member keeps its share but for what a new one needs; nothing moves between those that were there."""
    group = Group(12)
    before = group.share("ab")
    after = group.share("abc")
    assert after["a"] < before["a"]
    assert after["b"] < before["b"]
    assert len(after["c"]) == 8
    assert group.share("abc") == after


def test_a_join_can_be_refused() -> None:
    """A process that is about to end joins no more."""

    def refuse() -> int:
        raise KafkaError("about to end")

    with pytest.raises(KafkaError, match="about to end"):
        own_sticky_assignor("p", refuse).metadata(TOPICS)


def test_who_had_a_partition_last_keeps_it() -> None:
    """A member that was frozen remembers what its successor has by now; the generation tells who is right."""
    cluster, both = Cluster(2), [TopicPartition("llm.requests", 0), TopicPartition("llm.requests", 1)]
    joins = {}
    for name, generation, had in (("woke up", 3, both), ("successor", 4, both[:1]), ("third", 4, both[1:])):
        assignor = own_sticky_assignor("p", partial(int, generation))
        assignor.member_assignment = had
        joins[name] = assignor.metadata(["llm.requests"])
    found = own_sticky_assignor("p", lambda: 4).assign(cluster, joins)
    assert {name: share.partitions() for name, share in found.items()} == {
        "woke up": [],
        "successor": both[:1],
        "third": both[1:],
    }
