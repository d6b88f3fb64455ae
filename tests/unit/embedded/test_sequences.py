"""Idempotence by producer id, as far as single requests do not show it."""

import pytest

from streamproc.embedded.batch import Header, header_of
from streamproc.embedded.codes import Code
from streamproc.embedded.sequences import Sequences, Written
from tests.contract.broker.batches import Producer, batch


def head(sequence: int, *, count: int = 1, producer: int = 7, epoch: int = 0) -> Header:
    """Of a batch of so many records."""
    return header_of(batch(*[b"a"] * count, producer=Producer(producer, epoch), sequence=sequence))


def written(sequences: Sequences, *headers: Header) -> Sequences:
    """Each one checked and added; offsets are the sequences."""
    for header in headers:
        assert sequences.check(header) == Code.NONE
        sequences.add(header, header.base_sequence, header.max_timestamp)
    return sequences


def test_five_batches_are_remembered() -> None:
    """Each of the last five is answered with its own offset, the one before them is out of order."""
    headers = [head(n) for n in range(6)]
    sequences = written(Sequences(), *headers)
    assert sequences.check(headers[0]) == Code.OUT_OF_ORDER_SEQUENCE_NUMBER
    for number, header in enumerate(headers[1:], start=1):
        assert sequences.check(header) == Written(number, number, number, header.max_timestamp)


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (head(3), Code.NONE),
        (head(4), Code.OUT_OF_ORDER_SEQUENCE_NUMBER),
        (head(1), Code.OUT_OF_ORDER_SEQUENCE_NUMBER),
        (head(2, count=2), Code.OUT_OF_ORDER_SEQUENCE_NUMBER),
        (head(0, epoch=1), Code.NONE),
        (head(3, epoch=1), Code.OUT_OF_ORDER_SEQUENCE_NUMBER),
        (head(9, producer=8), Code.NONE),
    ],
)
def test_after_three_records_comes_the_fourth(header: Header, code: Code) -> None:
    """Or the first of a new epoch, or anything of another producer."""
    assert written(Sequences(), head(0), head(1, count=2)).check(header) == code


def test_a_marker_with_a_higher_epoch_fences_the_older_one() -> None:
    """Also where the producer never wrote; the sequence begins anew."""
    sequences = written(Sequences(), head(0))
    for producer in (7, 8):
        sequences.raise_epoch(producer, 1)
        assert sequences.check(head(1, producer=producer)) == Code.INVALID_PRODUCER_EPOCH
        assert sequences.check(head(1, producer=producer, epoch=1)) == Code.OUT_OF_ORDER_SEQUENCE_NUMBER
        assert sequences.check(head(0, producer=producer, epoch=1)) == Code.NONE


def test_a_marker_of_the_same_epoch_leaves_the_sequence_alone() -> None:
    """The next transaction goes on counting."""
    sequences = written(Sequences(), head(0))
    sequences.raise_epoch(7, 0)
    assert sequences.check(head(1)) == Code.NONE
    assert sequences.check(head(2)) == Code.OUT_OF_ORDER_SEQUENCE_NUMBER


def test_who_wrote_longest_ago_is_forgotten_first() -> None:
    """So that producer ids cannot fill the memory."""
    sequences = written(Sequences(max_producers=2), head(0, producer=1), head(0, producer=2), head(1, producer=1))
    written(sequences, head(0, producer=3))
    assert isinstance(sequences.check(head(0, producer=1)), Written)
    assert isinstance(sequences.check(head(0, producer=3)), Written)
    assert sequences.check(head(5, producer=2)) == Code.NONE
