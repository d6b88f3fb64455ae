"""What one transactional id answers in each state, as Apache Kafka 4.1 was seen to answer version-0 requests."""

import pytest

from streamproc.embedded.codes import Code
from streamproc.embedded.transaction import LAST_EPOCH, Ended, Group, Partition, Producer, State, Transaction
from tests.unit.embedded.transaction_rig import MARKER_SECONDS, Timers

PARTITION = Partition("out", 0)
OTHER = Partition("out", 1)
GROUP = Group("readers")
TIMEOUT = 60.0


class Rig:
    """A transactional id whose first owner has producer id 7 and epoch 0; later producer ids count on from 8."""

    def __init__(self) -> None:
        self.timers = Timers()
        self.ended: list[Ended] = []
        self._ids = iter(range(8, 100))
        self.transaction = Transaction(7, self.ended.append, self.timers.call_later, MARKER_SECONDS)
        assert self.initialise() is Code.NONE
        self.owner = self.transaction.producer

    def initialise(self, timeout: float = TIMEOUT) -> Code:
        return self.transaction.initialise(timeout, lambda: next(self._ids))

    def reach(self, state: State) -> None:
        """Brings the first owner's transaction into the state."""
        if state is State.EMPTY:
            return
        assert self.transaction.add(self.owner, PARTITION) is Code.NONE
        if state is State.ONGOING:
            return
        commit = state in {State.PREPARE_COMMIT, State.COMPLETE_COMMIT}
        assert self.transaction.end(self.owner, commit=commit) is Code.NONE
        if state in {State.COMPLETE_COMMIT, State.COMPLETE_ABORT}:
            self.timers.pass_time(MARKER_SECONDS)
        assert self.transaction.state is state


@pytest.fixture
def rig() -> Rig:
    """Owned, and no transaction yet."""
    return Rig()


OK, LATER, STATE = Code.NONE, Code.CONCURRENT_TRANSACTIONS, Code.INVALID_TXN_STATE


@pytest.mark.parametrize(
    ("state", "initialise", "add", "check", "commit", "abort"),
    [
        (State.EMPTY, OK, OK, STATE, STATE, STATE),
        (State.ONGOING, LATER, OK, OK, OK, OK),
        (State.PREPARE_COMMIT, LATER, LATER, LATER, LATER, LATER),
        (State.PREPARE_ABORT, LATER, LATER, LATER, LATER, LATER),
        (State.COMPLETE_COMMIT, OK, OK, STATE, OK, STATE),
        (State.COMPLETE_ABORT, OK, OK, STATE, STATE, OK),
    ],
)
def test_the_owner_is_answered_by_the_state(
    state: State, initialise: Code, add: Code, check: Code, commit: Code, abort: Code
) -> None:
    """Each request meets a transaction of its own in that state."""

    def fresh() -> Rig:
        rig = Rig()
        rig.reach(state)
        return rig

    assert fresh().initialise() is initialise
    assert (rig := fresh()).transaction.add(rig.owner, PARTITION) is add
    assert (rig := fresh()).transaction.check(rig.owner, PARTITION) is check
    assert (rig := fresh()).transaction.end(rig.owner, commit=True) is commit
    assert (rig := fresh()).transaction.end(rig.owner, commit=False) is abort


@pytest.mark.parametrize("state", [State.EMPTY, State.ONGOING, State.COMPLETE_COMMIT, State.COMPLETE_ABORT])
@pytest.mark.parametrize(
    ("id_", "epoch", "code"),
    [
        (7, -1, Code.INVALID_PRODUCER_EPOCH),
        (7, 1, Code.INVALID_PRODUCER_EPOCH),
        (6, 0, Code.INVALID_PRODUCER_ID_MAPPING),
        (6, 5, Code.INVALID_PRODUCER_ID_MAPPING),
    ],
)
def test_anybody_else_is_refused(rig: Rig, state: State, id_: int, epoch: int, code: Code) -> None:
    """A higher epoch is as wrong as a lower one; the producer id is looked at first."""
    rig.reach(state)
    other = Producer(id_, epoch)
    assert rig.transaction.add(other, PARTITION) is code
    assert rig.transaction.check(other, PARTITION) is code
    assert rig.transaction.end(other, commit=True) is code
    assert rig.transaction.state is state


@pytest.mark.parametrize("state", [State.PREPARE_COMMIT, State.PREPARE_ABORT])
def test_while_markers_are_written_only_add_forgets_to_ask_who_it_is(rig: Rig, state: State) -> None:
    """Kafka looks at the state first when parts are added, and at the owner first everywhere else."""
    rig.reach(state)
    fenced = Producer(7, -1)
    assert rig.transaction.add(fenced, PARTITION) is LATER
    assert rig.transaction.check(fenced, PARTITION) is Code.INVALID_PRODUCER_EPOCH
    assert rig.transaction.end(fenced, commit=True) is Code.INVALID_PRODUCER_EPOCH


def test_a_part_that_was_not_added_is_not_in_the_transaction(rig: Rig) -> None:
    """What one transaction was made of does not count for the next."""
    rig.reach(State.ONGOING)
    assert rig.transaction.check(rig.owner, OTHER) is STATE
    assert rig.transaction.add(rig.owner, OTHER, GROUP) is OK
    assert [rig.transaction.check(rig.owner, part) for part in (PARTITION, OTHER, GROUP)] == [OK, OK, OK]
    rig.transaction.end(rig.owner, commit=True)
    rig.timers.pass_time(MARKER_SECONDS)
    rig.transaction.add(rig.owner, PARTITION)
    assert rig.transaction.check(rig.owner, OTHER) is STATE


@pytest.mark.parametrize("commit", [True, False])
def test_each_part_gets_one_marker_a_while_after_the_decision(rig: Rig, commit: bool) -> None:
    """Parts that were named twice count once, and the order is that of their naming."""
    rig.transaction.add(rig.owner, OTHER, GROUP)
    rig.transaction.add(rig.owner, PARTITION, OTHER)
    rig.transaction.end(rig.owner, commit=commit)
    rig.timers.pass_time(MARKER_SECONDS * 0.9)
    assert rig.ended == []
    rig.timers.pass_time(MARKER_SECONDS * 0.1)
    assert rig.ended == [Ended(rig.owner, (OTHER, GROUP, PARTITION), commit)]
    rig.timers.pass_time(2 * TIMEOUT)
    assert len(rig.ended) == 1


def test_a_transaction_without_parts_can_be_ended(rig: Rig) -> None:
    """AddPartitionsToTxn without a partition begins a transaction on Kafka too."""
    assert rig.transaction.add(rig.owner) is OK
    assert rig.transaction.end(rig.owner, commit=True) is OK
    rig.timers.pass_time(MARKER_SECONDS)
    assert rig.ended == [Ended(rig.owner, (), True)]


def test_each_owner_has_the_next_epoch_and_a_fresh_start(rig: Rig) -> None:
    """The end of the former owner's last transaction is none of the new one's business."""
    rig.reach(State.COMPLETE_COMMIT)
    rig.initialise()
    assert rig.transaction.producer == (7, 1)
    assert rig.transaction.end(rig.transaction.producer, commit=True) is STATE


def test_a_new_owner_aborts_the_open_transaction_under_an_epoch_between(rig: Rig) -> None:
    """The old owner is fenced by the first call already, and its records go by a marker it could not have sent."""
    rig.reach(State.ONGOING)
    assert rig.initialise() is LATER
    assert rig.transaction.end(rig.owner, commit=True) is Code.INVALID_PRODUCER_EPOCH
    assert rig.initialise() is LATER
    rig.timers.pass_time(MARKER_SECONDS)
    assert rig.ended == [Ended(Producer(7, 1), (PARTITION,), commit=False)]
    assert rig.initialise() is OK
    assert rig.transaction.producer == (7, 2)


def test_a_transaction_that_takes_too_long_is_aborted_and_its_owner_fenced(rig: Rig) -> None:
    """The time counts from the first part on, whatever is added later."""
    rig.reach(State.ONGOING)
    rig.timers.pass_time(TIMEOUT * 0.9)
    assert rig.transaction.add(rig.owner, OTHER) is OK
    rig.timers.pass_time(TIMEOUT * 0.1)
    assert rig.transaction.end(rig.owner, commit=True) is Code.INVALID_PRODUCER_EPOCH
    rig.timers.pass_time(MARKER_SECONDS)
    assert rig.ended == [Ended(Producer(7, 1), (PARTITION, OTHER), commit=False)]
    assert rig.transaction.add(rig.owner, PARTITION) is Code.INVALID_PRODUCER_EPOCH
    assert rig.initialise() is OK
    assert rig.transaction.producer == (7, 2)


def test_the_timeout_is_that_of_the_last_owner(rig: Rig) -> None:
    """A later owner may ask for another one."""
    rig.initialise(timeout=5.0)
    owner = rig.transaction.producer
    rig.transaction.add(owner, PARTITION)
    rig.timers.pass_time(4.9)
    assert rig.transaction.check(owner, PARTITION) is OK
    rig.timers.pass_time(0.2)
    assert rig.transaction.check(owner, PARTITION) is Code.INVALID_PRODUCER_EPOCH


@pytest.mark.parametrize("commit", [True, False])
def test_an_ended_transaction_leaves_no_timeout_to_the_next(rig: Rig, commit: bool) -> None:
    """A transaction that began half a timeout later has its whole time."""
    rig.reach(State.ONGOING)
    rig.timers.pass_time(TIMEOUT / 2)
    rig.transaction.end(rig.owner, commit=commit)
    rig.timers.pass_time(MARKER_SECONDS)
    assert rig.timers.waiting == 0
    rig.transaction.add(rig.owner, PARTITION)
    rig.timers.pass_time(TIMEOUT * 0.9)
    assert rig.transaction.state is State.ONGOING


def test_at_the_end_of_the_epochs_the_next_owner_gets_a_new_producer_id(rig: Rig) -> None:
    """Kafka gives 32,766 as the last one, so that there is one left to fence it."""
    while rig.transaction.producer.epoch < LAST_EPOCH - 1:
        assert rig.initialise() is OK
    last = rig.transaction.producer
    assert last == (7, 32_766)
    assert rig.initialise() is OK
    assert rig.transaction.producer == (8, 0)
    assert rig.transaction.add(last, PARTITION) is Code.INVALID_PRODUCER_ID_MAPPING


def test_the_last_owner_can_be_fenced(rig: Rig) -> None:
    """Its open transaction is aborted under the epoch that was kept for that."""
    while rig.transaction.producer.epoch < LAST_EPOCH - 1:
        rig.initialise()
    rig.transaction.add(rig.transaction.producer, PARTITION)
    assert rig.initialise() is LATER
    rig.timers.pass_time(MARKER_SECONDS)
    assert [ended.producer for ended in rig.ended] == [Producer(7, LAST_EPOCH)]
    assert rig.initialise() is OK
    assert rig.transaction.producer == (8, 0)


def test_its_repr_says_where_it_is(rig: Rig) -> None:
    """For a log line or a debugger."""
    rig.reach(State.PREPARE_COMMIT)
    assert repr(rig.transaction) == "<Transaction PREPARE_COMMIT of producer 7, epoch 0, 1 parts>"
