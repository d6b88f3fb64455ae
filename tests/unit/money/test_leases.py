from typing import Any

from streamproc.money.leases import Suspects


def calls(**states: str) -> dict[str, dict[str, Any]]:
    """Calls as the script writes them, all reserved at one time."""
    return {usage_id: {"state": state, "at": "1"} for usage_id, state in states.items()}


def test_an_unconfirmed_lease_is_suspect_soon_and_a_confirmed_one_late() -> None:
    """A note comes soon or never; a call may take its time. What is settled waits for its line alone."""
    suspects = Suspects(10, 100)
    held = calls(a="reserved", b="confirmed", c="settled")
    assert suspects.look(held, 0) == []
    assert [lease.usage_id for lease in suspects.look(held, 10)] == ["a"]
    assert [lease.usage_id for lease in suspects.look(held, 100)] == ["a", "b"]


def test_time_counts_from_the_first_look() -> None:
    """Not from when another machine's clock says that it was made; and one that is confirmed is looked at anew."""
    suspects = Suspects(10, 100)
    suspects.look(calls(a="reserved"), 1000)
    assert suspects.look(calls(a="confirmed"), 1010) == []
    assert suspects.look(calls(a="reserved"), 1019) == []


def test_a_lease_whose_call_the_journal_knows_is_suspect_no_more() -> None:
    """For as long again: the journal is not read for it at each look."""
    suspects = Suspects(10, 100)
    held = calls(b="confirmed")
    suspects.look(held, 0)
    (lease,) = suspects.look(held, 100)
    suspects.clear(lease, 100)
    assert suspects.look(held, 199) == []
    assert suspects.look(held, 200) == [lease]
