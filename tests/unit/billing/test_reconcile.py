"""The bill against a provider's account: what differs, and what only looks as if."""

from typing import Any

from streamproc.billing.bill import SumRow
from streamproc.billing.export import CallExport, DayExport, Figures, ServedCall
from streamproc.billing.reconcile import Comparison, compare_calls, compare_days, family
from streamproc.billing.sums import SUMS
from streamproc.records.usage import TokenCounts
from tests.unit.billing.test_sums import billed

DAY = 20_484


def sums(model: str = "m", basis: str = "provider", day: int = DAY, **values: int) -> SumRow:
    """Sums of a day and a model."""
    return SumRow((day, model, "mock"), basis, tuple(values.get(name, 0) for name in SUMS))


def days(rows: dict[tuple[int, str | None], Figures]) -> DayExport:
    """An export of one day."""
    return DayExport(range(DAY, DAY + 1), rows)


def figures(found: list[Comparison]) -> dict[tuple[str | None, str], tuple[int, int, bool]]:
    """Ours, theirs, and whether they are equal, by model and figure."""
    return {(one.model, one.figure): (one.ours, one.theirs, one.is_equal) for one in found}


def test_dates_at_the_end_of_names_are_left_out() -> None:
    """Requests name a family or one of its members; exports always the member that answered."""
    names = ("gpt-4o-mini-2024-07-18", "claude-sonnet-4-20250514", "gpt-4o", "mock-t100", "o3-2025")
    assert [family(name) for name in names] == ["gpt-4o-mini", "claude-sonnet-4", "gpt-4o", "mock-t100", "o3-2025"]


def test_only_what_an_export_tells_is_compared() -> None:
    """Usage exports tell tokens, cost exports money."""
    ours = [sums("m-2024-07-18", lines=2, input_tokens=10, output_tokens=5, cost_nanos=7)]
    usage = days({(DAY, "m-2024-07-18"): Figures(requests=2, input_tokens=10, output_tokens=6)})
    assert figures(list(compare_days(ours, usage))) == {
        ("m", "requests"): (2, 2, True),
        ("m", "input_tokens"): (10, 10, True),
        ("m", "output_tokens"): (5, 6, False),
    }
    cached = days({(DAY, "m"): Figures(cached_input_tokens=3)})
    assert figures(list(compare_days([sums(cached_input_tokens=3)], cached))) == {
        ("m", "cached_input_tokens"): (3, 3, True)
    }
    costs = days({(DAY, "m"): Figures(cost_nanos=11, slack_nanos=1)})
    assert figures(list(compare_days(ours, costs))) == {("m", "cost_nanos"): (7, 11, False)}


def test_members_of_a_family_are_added_up() -> None:
    """An export has a row for each member that answered, our lines have the name that was asked for."""
    theirs = days({(DAY, "m-2024-07-18"): Figures(requests=2), (DAY, "m-2025-01-31"): Figures(requests=3)})
    assert figures(list(compare_days([sums(lines=5)], theirs))) == {("m", "requests"): (5, 5, True)}


def test_rounding_is_no_difference() -> None:
    """Each cost of ours was rounded up to a whole nano-dollar, theirs to what their decimals show; no more than that."""
    ours = [sums(lines=3, cost_nanos=100)]
    for theirs, is_equal in ((97, True), (96, True), (95, False), (104, True), (105, False)):
        (found,) = compare_days(ours, days({(DAY, "m"): Figures(cost_nanos=theirs, slack_nanos=1)}))
        assert found.is_equal is is_equal, theirs


def test_what_one_side_does_not_know_is_a_difference() -> None:
    """A model or a day that only one of them has."""
    ours = [sums("only-ours", lines=1)]
    found = figures(list(compare_days(ours, days({(DAY, "only-theirs"): Figures(requests=4)}))))
    assert found == {("only-ours", "requests"): (1, 0, False), ("only-theirs", "requests"): (0, 4, False)}


def test_an_export_without_models_is_compared_by_day() -> None:
    """All models of ours together."""
    ours = [sums("a", lines=1), sums("b", lines=2)]
    assert figures(list(compare_days(ours, days({(DAY, None): Figures(requests=3)})))) == {
        (None, "requests"): (3, 3, True)
    }


def test_an_export_of_days_without_usage_is_compared_too() -> None:
    """Calls of ours on such a day are a difference."""
    assert figures(list(compare_days([sums(lines=1)], days({})))) == {("m", "requests"): (1, 0, False)}
    assert list(compare_days([], days({}))) == []


def test_answers_from_our_own_cache_are_left_out_and_unsure_lines_counted() -> None:
    """The provider never heard of the former; of the latter it alone knows what they were."""
    unsure = [sums(basis="upper_bound", lines=2), sums(basis="estimated", lines=4), sums(lines=1)]
    (found,) = compare_days([*unsure, sums(basis="cache", lines=5)], days({(DAY, "m"): Figures(requests=7)}))
    assert (found.is_equal, found.unsure) == (True, 6)


def served(**fields: Any) -> ServedCall:
    """A call as the mock provider lists it."""
    return ServedCall(7, 8, 0, 0, 0, is_whole=True)._replace(**fields)


def test_calls_are_compared_by_usage_id() -> None:
    """Equal, different, only here, only there; an error that used nothing needs no line."""
    lines = [billed(call=1), billed(call=2), billed(call=3)]
    calls = {
        lines[0].usage_id: served(),
        lines[1].usage_id: served(output_tokens=9),
        "there": served(),
        "refused": served(input_tokens=0, output_tokens=0, is_whole=False),
    }
    found = compare_calls(lines, CallExport(calls, 0))
    assert (found.equal, [line.usage_id for line, _ in found.different]) == (1, [lines[1].usage_id])
    assert ([line.usage_id for line in found.only_ours], found.only_theirs) == ([lines[2].usage_id], ["there"])
    assert not found.is_equal


def test_a_single_call_that_differs_is_a_difference() -> None:
    """Other tokens of any kind, a call that only we have, a call that only the provider has."""
    known = TokenCounts(input=7, output=8, cached_input=0, cache_write=0, reasoning=0)
    line = billed(call=1, tokens=known)
    same = {line.usage_id: served()}
    assert compare_calls([line], CallExport(same, 0)).is_equal
    kinds = ("input_tokens", "output_tokens", "cached_input_tokens", "cache_write_tokens", "reasoning_tokens")
    for calls in [{}, same | {"there": served()}, *({line.usage_id: served(**{kind: 3})} for kind in kinds)]:
        assert not compare_calls([line], CallExport(calls, 0)).is_equal, calls


def test_kinds_of_tokens_that_an_api_does_not_tell_are_no_difference() -> None:
    """Ollama tells no cached tokens; where both tell them they have to agree."""
    line = billed(tokens=TokenCounts(input=7, output=8, cached_input=2))
    for cached, is_equal in ((2, True), (3, False)):
        calls = {line.usage_id: served(cached_input_tokens=cached, reasoning_tokens=1)}
        assert compare_calls([line], CallExport(calls, 0)).is_equal is is_equal


def test_lines_of_cut_calls_are_not_compared() -> None:
    """They say themselves that they are not sure; both counts are shown."""
    lines = [billed(call=1, basis="estimated"), billed(call=2, basis="upper_bound"), billed(call=3, basis="cache")]
    found = compare_calls(lines, CallExport({lines[0].usage_id: served(output_tokens=3, is_whole=False)}, 0))
    assert (found.unsure, found.unsure_ours, found.unsure_theirs, found.is_equal) == (2, 30, 10, True)
