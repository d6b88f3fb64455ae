"""Rows of a report: groups in order, costs by basis, and unknown costs that are never zero."""

from streamproc.billing.bill import SumRow
from streamproc.billing.report import report_rows, shown_key, total_row
from streamproc.billing.sums import SUMS


def sums(keys: tuple[str | int, ...], basis: str = "provider", **values: int) -> SumRow:
    """One group and basis."""
    return SumRow(keys, basis, tuple(values.get(name, 0) for name in SUMS))


def test_bases_of_a_group_are_one_row() -> None:
    """With what each of them costs; groups come in the order of their keys."""
    rows = report_rows(
        [
            sums(("b",), lines=1, cost_nanos=1),
            sums(("a",), lines=2, cost_nanos=5),
            sums(("a",), "upper_bound", lines=1, cost_nanos=100),
        ],
        ["tenant"],
    )
    assert [row.keys for row in rows] == [("a",), ("b",)]
    assert (rows[0].sums["lines"], rows[0].cost_nanos) == (3, 105)
    assert rows[0].costs == {
        "provider": (2, 5),
        "estimated": (0, 0),
        "upper_bound": (1, 100),
        "cache": (0, 0),
    }


def test_an_unknown_cost_is_not_zero() -> None:
    """Where nothing is known the sum is None, else it is of what is known, with a count of the rest."""
    unknown = sums(("a",), "estimated", lines=2, unpriced=2)
    (row,) = report_rows([unknown], ["tenant"])
    assert (row.cost_nanos, row.costs["estimated"]) == (None, (2, None))
    assert row.as_json(["tenant"])["cost_nanos"] is None
    (row,) = report_rows([unknown, sums(("a",), lines=1, cost_nanos=0)], ["tenant"])
    assert (row.cost_nanos, row.sums["unpriced"], row.costs["provider"]) == (0, 2, (1, 0))
    assert row.as_json(["tenant"])["basis"]["estimated"] == {"lines": 2, "cost_nanos": None}


def test_the_total_is_over_all_groups() -> None:
    """Unknown costs are counted there, too."""
    total = total_row([sums(("a",), lines=1, cost_nanos=3), sums(("b",), lines=1, unpriced=1)])
    assert (total.keys, total.cost_nanos, total.sums["unpriced"]) == ((), 3, 1)


def test_keys_are_shown_as_people_read_them() -> None:
    """Days and hours in UTC; nobody is None."""
    assert [shown_key("day", 20_484), shown_key("hour", 20_484 * 24 + 8)] == ["2026-01-31", "2026-01-31T08:00Z"]
    assert [shown_key("user", ""), shown_key("user", "u")] == [None, "u"]
