"""Metadata beside the committed offset: read back as written, and only ours."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.errors import SetupError
from streamproc.kafka.metadata import CommitMetadata, MetadataState, next_epoch, read_metadata


@given(
    st.integers(0, 2**53),
    st.frozensets(st.integers(1, 16_000), max_size=200),
    st.sampled_from(["", "0123456789abcdef"]),
    st.none() | st.integers(0, 2**63 - 1),
)
def test_metadata_is_read_as_it_was_written(epoch: int, done: frozenset[int], owner: str, journal: int | None) -> None:
    """And fits Kafka's limit."""
    text = CommitMetadata(epoch, done, owner, journal).encode()
    assert CommitMetadata.decode(text) == CommitMetadata(epoch, done, owner, journal)
    assert len(text) < 4096


def test_the_worst_map_of_a_window_fits() -> None:
    """A random half of 16,000 offsets, the largest window, does not compress at all."""
    done = frozenset(random.Random(1).sample(range(1, 16_000), 8_000))
    whole = CommitMetadata(2**40, done, "0123456789abcdef", 2**40)
    assert len(whole.encode()) < 0.75 * 4096
    assert CommitMetadata.decode(whole.encode()) == whole


@pytest.mark.parametrize("text", [None, ""])
def test_no_metadata_is_none(text: str | None) -> None:
    """A group that never committed, or one whose offset was set by a tool."""
    assert CommitMetadata.decode(text) is None


@pytest.mark.parametrize(
    "text",
    ["x", "{}", "[]", "5", "null", '{"v":1}', '{"epoch":1}', "{" * 4000, "[" * 4096, '{"v":1,"epoch":"5"}',
     '{"v":1,"epoch":null}', '{"v":1,"epoch":7,"done":"x"}', '{"v":1,"epoch":7,"done":"eJw="}', '{"v":1,"epoch":7,"done":5}',
     '{"v":1,"epoch":1.5}', '{"v":1,"epoch":7,"owner":5}', '{"v":1,"epoch":7,"owner":null}', '{"v":1,"epoch":7,"journal":"5"}',
     '{"v":1,"epoch":7,"journal":true}', '{"v":1,"epoch":7,"journal":1.5}'],
)  # fmt: skip
def test_metadata_of_somebody_else_is_refused(text: str) -> None:
    """The sentence names the setting that leads out."""
    with pytest.raises(SetupError, match="metadata") as caught:
        CommitMetadata.decode(text)
    assert len(str(caught.value)) < 400


def test_the_next_version_is_read_and_the_one_after_is_not() -> None:
    """Readers go first in an upgrade, by one version."""
    assert CommitMetadata.decode('{"v":2,"epoch":7,"new":[1]}') == CommitMetadata(7)
    with pytest.raises(SetupError, match="start a newer worker"):
        CommitMetadata.decode('{"v":3,"epoch":7}')


def test_what_version_1_looks_like() -> None:
    """Offsets that were committed by a former release have to be read for as long as Kafka keeps them."""
    assert CommitMetadata(1_800_000_000).encode() == '{"v":1,"epoch":1800000000}'
    kept = '{"v":1,"epoch":1800000000,"done":"eJzjAgAACwAL"}'
    assert CommitMetadata.decode(kept) == CommitMetadata(1_800_000_000, frozenset({1, 3}))
    whole = CommitMetadata(1_800_000_000, frozenset({1, 3}), "0123456789abcdef", 0)
    text = '{"v":1,"epoch":1800000000,"owner":"0123456789abcdef","journal":0,"done":"eJzjAgAACwAL"}'
    assert (whole.encode(), CommitMetadata.decode(text)) == (text, whole)


@pytest.mark.parametrize(
    ("text", "state", "epoch"),
    [
        ("", MetadataState.NONE, None),
        ('{"v":1,"epoch":7}', MetadataState.OURS, 7),
        ('{"v":2,"epoch":7,"new":1}', MetadataState.OURS, 7),
        ('{"v":3,"epoch":7}', MetadataState.NEWER, 7),
        ('{"v":3}', MetadataState.NEWER, None),
        ('{"v":1,"epoch":7,"done":"x"}', MetadataState.DAMAGED, 7),
        ('{"v":1,"epoch":7,"do', MetadataState.DAMAGED, None),
        ('{"v":1}', MetadataState.DAMAGED, None),
        ('{"v":1,"epoch":"7"}', MetadataState.DAMAGED, None),
        ('{"v":1,"epoch":7,"owner":"o","journal":5}', MetadataState.OURS, 7),
        ('{"v":1,"epoch":7,"journal":"x"}', MetadataState.DAMAGED, 7),
        ('{"v":1,"epoch":7,"owner":[]}', MetadataState.DAMAGED, 7),
        ("NO_METADATA", MetadataState.FOREIGN, None),
        ('{"v":0,"epoch":7}', MetadataState.FOREIGN, None),
        ('{"v":true,"epoch":7}', MetadataState.FOREIGN, None),
        ('{"v":"1","epoch":7}', MetadataState.FOREIGN, None),
        ('{"v":null,"epoch":7}', MetadataState.FOREIGN, None),
    ],
)
def test_every_text_is_told_apart(text: str, state: MetadataState, epoch: int | None) -> None:
    """And its epoch is read where it can be: whoever commits next has to be above it."""
    stored = read_metadata(text)
    assert (stored.state, stored.epoch) == (state, epoch)
    assert (stored.metadata is not None) is (state is MetadataState.OURS)


def test_an_epoch_grows_with_the_clock_and_against_it() -> None:
    """The clock's second, or one more than the former owner's whose clock was ahead."""
    assert next_epoch(None, 100.9) == 100
    assert next_epoch(99, 100.9) == 100
    assert next_epoch(100, 100.9) == 101
    assert next_epoch(500, 100.9) == 501
