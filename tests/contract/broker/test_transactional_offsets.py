"""Offsets in a transaction: they appear when it commits, and only then."""

from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from streamproc.embedded.codes import Code
from tests.contract.broker.conftest import Connect
from tests.contract.broker.crew import Crew
from tests.contract.broker.member import Committed, commit, committed
from tests.contract.broker.partition import Partition
from tests.contract.broker.transactor import Transactor
from tests.contract.broker.wire import settled
from tests.contract.harness.waiting import eventually_found

NOTHING = Committed(-1, "")
Look = Callable[[], Awaitable[Committed]]


@pytest.fixture
def group(topic_prefix: str) -> str:
    """A group without members."""
    return f"{topic_prefix}.group"


@pytest.fixture
def look(partition: Partition, group: str) -> Look:
    """Reads what the group has committed."""

    async def read() -> Committed:
        return await committed(partition.wire, group, partition.topic)

    return read


async def becomes(look: Look, expected: Committed) -> None:
    """Waits for it: markers are written after EndTxn was answered."""

    async def is_so() -> bool:
        return await look() == expected

    await eventually_found(is_so)


async def test_an_offset_appears_with_its_metadata_at_the_commit(
    transactor: Transactor, partition: Partition, group: str, look: Look
) -> None:
    """Until then the one before is told."""
    await commit(partition.wire, group, partition.topic, 3, "before")
    assert await transactor.add_offsets(group) == Code.NONE
    assert await transactor.commit_offset(group, partition.topic, 5, "five") == Code.NONE
    assert await look() == Committed(3, "before")
    await transactor.commit()
    await becomes(look, Committed(5, "five"))


async def test_an_offset_of_an_aborted_transaction_never_appears(
    transactor: Transactor, partition: Partition, group: str, look: Look
) -> None:
    """The next transaction does not bring it back."""
    await transactor.add_offsets(group)
    await transactor.commit_offset(group, partition.topic, 5)
    await transactor.write(partition, b"a")
    await transactor.abort()
    await partition.has_stable(2)
    assert await look() == NOTHING
    await transactor.write(partition, b"b")
    await transactor.commit()
    await partition.has_stable(4)
    assert await look() == NOTHING


async def test_the_last_offset_of_a_transaction_counts(
    transactor: Transactor, partition: Partition, group: str, look: Look
) -> None:
    """Also when it is lower."""
    await transactor.add_offsets(group)
    for offset in (7, 5):
        await transactor.commit_offset(group, partition.topic, offset, str(offset))
    await transactor.commit()
    await becomes(look, Committed(5, "5"))


async def test_a_commit_that_came_later_is_kept(
    transactor: Transactor, partition: Partition, group: str, look: Look
) -> None:
    """What was committed without a transaction after the transaction's offset is newer than it."""
    await transactor.add_offsets(group)
    await transactor.commit_offset(group, partition.topic, 9)
    await commit(partition.wire, group, partition.topic, 20)
    assert await look() == Committed(20, "")
    await transactor.write(partition, b"a")
    await transactor.commit()
    await partition.has_stable(2)
    assert await settled(transactor.add_offsets, group) == Code.NONE
    assert await look() == Committed(20, "")


async def test_the_later_of_two_transactions_counts(
    connect: Connect, transactor: Transactor, partition: Partition, group: str, look: Look
) -> None:
    """Later is whose offset came last, whichever of the two ends last."""
    other = Transactor(await connect(), f"{group}.other")
    await other.start()
    for one, offset in ((transactor, 5), (other, 7)):
        await one.add_offsets(group)
        await one.commit_offset(group, partition.topic, offset)
    await other.commit()
    await becomes(look, Committed(7, ""))
    await transactor.commit()
    assert await settled(transactor.add_offsets, group) == Code.NONE
    assert await look() == Committed(7, "")


async def test_a_group_has_to_be_added_first(transactor: Transactor, partition: Partition, group: str) -> None:
    """In each transaction."""
    assert await transactor.commit_offset(group, partition.topic, 1) == Code.INVALID_TXN_STATE
    await transactor.add(partition)
    assert await transactor.commit_offset(group, partition.topic, 1) == Code.INVALID_TXN_STATE
    await transactor.add_offsets(group)
    assert await transactor.commit_offset(group, partition.topic, 1) == Code.NONE
    await transactor.commit()
    await settled(transactor.add, partition)
    assert await transactor.commit_offset(group, partition.topic, 1) == Code.INVALID_TXN_STATE


async def test_a_transaction_of_offsets_alone_can_end(
    transactor: Transactor, partition: Partition, group: str, look: Look
) -> None:
    """It has no partition to mark; also when no offset came."""
    await transactor.add_offsets(group)
    await transactor.commit()
    assert await settled(transactor.add_offsets, group) == Code.NONE
    await transactor.commit_offset(group, partition.topic, 2)
    await transactor.commit()
    await becomes(look, Committed(2, ""))


async def test_limits_are_those_of_other_commits(
    transactor: Transactor, partition: Partition, group: str, look: Look
) -> None:
    """4,096 characters of metadata, and a topic that exists; what is refused changes nothing."""
    await transactor.add_offsets(group)
    assert await transactor.commit_offset(group, partition.topic, 1, "x" * 4096) == Code.NONE
    assert await transactor.commit_offset(group, partition.topic, 2, "x" * 4097) == Code.OFFSET_METADATA_TOO_LARGE
    nowhere = f"{partition.topic}.nowhere"
    assert await transactor.commit_offset(group, nowhere, 2) == Code.UNKNOWN_TOPIC_OR_PARTITION
    await transactor.commit()
    await becomes(look, Committed(1, "x" * 4096))


async def test_the_groups_members_do_not_matter(
    transactor: Transactor, partition: Partition, crew: Crew, group: str, look: Look
) -> None:
    """A producer of this version does not say which member it writes for."""
    assert crew.group == group
    await (await crew.recruit()).alone()
    await transactor.add_offsets(group)
    assert await transactor.commit_offset(group, partition.topic, 4) == Code.NONE
    await transactor.commit()
    await becomes(look, Committed(4, ""))


async def test_a_start_drops_the_offsets_of_the_transaction_before(
    transactor: Transactor, partition: Partition, group: str, look: Look
) -> None:
    """It was aborted by it."""
    await transactor.add_offsets(group)
    await transactor.commit_offset(group, partition.topic, 5)
    await transactor.start()
    await transactor.write(partition, b"a")
    await transactor.commit()
    await partition.has_stable(2)
    assert await look() == NOTHING


async def test_offsets_of_a_transaction_that_took_too_long_are_dropped(
    connect: Connect, partition: Partition, group: str, look: Look
) -> None:
    """As those of any that is aborted."""
    slow = Transactor(await connect(), f"{group}.slow", timeout_ms=1_000)
    await slow.start()
    await slow.add_offsets(group)
    await slow.commit_offset(group, partition.topic, 5)
    await slow.write(partition, b"a")
    await partition.has_stable(2)
    await slow.start()
    await slow.write(partition, b"b")
    await slow.commit()
    await partition.has_stable(4)
    assert await look() == NOTHING


async def test_a_transaction_may_commit_for_several_groups(
    transactor: Transactor, partition: Partition, group: str
) -> None:
    """All at once."""
    for n in range(3):
        await transactor.add_offsets(f"{group}.{n}")
        await transactor.commit_offset(f"{group}.{n}", partition.topic, n)
    await transactor.commit()
    for n in range(3):
        await becomes(partial(committed, partition.wire, f"{group}.{n}", partition.topic), Committed(n, ""))


async def test_records_and_offsets_of_a_transaction_go_together(
    transactor: Transactor, partition: Partition, group: str, look: Look
) -> None:
    """Read, process, write: the way of a stream processor, several times."""
    for n in range(1, 6):
        await transactor.write(partition, b"%d" % n)
        assert await settled(transactor.add_offsets, group) == Code.NONE
        assert await transactor.commit_offset(group, partition.topic, n, f"claim {n}") == Code.NONE
        await transactor.commit()
        await becomes(look, Committed(n, f"claim {n}"))
    await partition.has_stable(10)
    assert (await partition.fetch(committed=True)).values == [b"%d" % n for n in range(1, 6)]
