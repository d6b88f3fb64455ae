"""Workers of one group write to the same topics; who does not is told which of them differ."""

from streamproc.kafka.agreement import Agreement
from streamproc.kafka.committed import GroupState

TOPICS = {"chunks": "c", "results": "r", "usage": "u", "dead": "d"}
OURS = Agreement(TOPICS)


def test_the_same_topics_are_the_same_protocol() -> None:
    """In whatever order they are given; a release that changed the name would shut the former one out of its group."""
    assert Agreement(dict(reversed(TOPICS.items()))).protocol == OURS.protocol
    assert OURS.protocol == "streamproc-1-2e7d2c03-18ac3e73-454349e4-0bfe935e"


def test_a_ledger_is_part_of_it() -> None:
    """Nobody without one, or with another one, gets in; and without one the name is what it always was."""
    ledger = Agreement(TOPICS, "memory 1")
    assert ledger.protocol != Agreement(TOPICS, "memory 2").protocol
    for ours, theirs in ((ledger, OURS), (OURS, ledger), (ledger, Agreement(TOPICS, "memory 2"))):
        assert "keep another ledger of their budgets" in ours.explain("g", GroupState(1, theirs.protocol))


def test_topics_that_differ_are_named() -> None:
    """By the setting and this worker's own name for them; the other side's names are not known."""
    theirs = Agreement({**TOPICS, "results": "other", "usage": "another"})
    told = OURS.explain("g", GroupState(2, theirs.protocol))
    assert "their topics.results is not r and topics.usage is not u;" in told
    assert "chunks" not in told


def test_another_program_is_told_apart() -> None:
    """And so is a version of ours that counts other topics."""
    for protocol in ("range", "streamproc-2-aa", "streamproc-1-aa-bb"):
        told = OURS.explain("g", GroupState(1, protocol))
        assert f"(its assignor is '{protocol}'): set kafka.group to a name of its own" in told


def test_a_group_in_the_middle_of_a_rebalance_tells_less() -> None:
    """Its assignor is not known for a moment."""
    assert OURS.explain("g", GroupState(1, "")).endswith("have other topics than this one: give it their settings")
