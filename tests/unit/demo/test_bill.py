"""Usage lines added up, and held against the provider's count."""

from datetime import UTC, datetime

from streamproc.demo.bill import Sum, add_up, compare, total
from streamproc.mock.stats import Call
from streamproc.records.usage import Basis, TokenCounts, UsageLine

_NOW = datetime(2026, 1, 31, tzinfo=UTC)


def _line(
    number: int,
    model: str = "m",
    tenant: str = "acme",
    tokens: tuple[int | None, int | None] = (10, 5),
    cost: int | None = 100,
    basis: Basis = "provider",
) -> UsageLine:
    return UsageLine(
        usage_id=f"r/0/0@1/{number}/1",
        run_id="r/0/0@1",
        request_id="a",
        tenant=tenant,
        attempt=number,
        provider="mock",
        model=model,
        tokens=TokenCounts(input=tokens[0], output=tokens[1]),
        cost_nanos=cost,
        basis=basis,
        input_hash="",
        started_at=_NOW,
        ended_at=_NOW,
    )


def _call(input_tokens: int, output_tokens: int, outcome: str) -> Call:
    return Call("c", "m", input_tokens, output_tokens, outcome, None)


def test_lines_are_added_up_by_model_and_tenant() -> None:
    """In the order of the names, whatever the order of the lines."""
    lines = [_line(1, tenant="b"), _line(2, cost=1), _line(3, tokens=(1, 2)), _line(4, model="a", tenant="z")]
    sums = add_up(lines)
    assert list(sums) == [("a", "z"), ("m", "acme"), ("m", "b")]
    assert sums["m", "acme"] == Sum(calls=2, input_tokens=11, output_tokens=7, cost_nanos=101)
    assert total(sums.values()) == Sum(4, 31, 17, 301)


def test_a_line_that_was_delivered_twice_counts_once() -> None:
    """Delivery is at least once, and `usage_id` tells a repetition from a second call."""
    twice = [_line(1), _line(1), _line(2)]
    assert add_up(twice)["m", "acme"].calls == 2
    assert compare(twice, [_call(10, 5, "completed"), _call(10, 5, "completed")]).is_exact


def test_one_unknown_cost_makes_the_sum_unknown() -> None:
    """Unknown is not zero, in whichever place it stands."""
    for lines in ([_line(1, cost=None), _line(2)], [_line(1), _line(2, cost=None)]):
        assert add_up(lines)["m", "acme"].cost_nanos is None
        assert total([*add_up(lines).values(), Sum(1, 1, 1, 1)]).cost_nanos is None


def test_bill_and_provider_agree() -> None:
    """Complete answers are compared to the token; cut calls stand beside it, with both counts."""
    lines = [_line(1), _line(2, tokens=(7, 8)), _line(3, tokens=(40, 3), basis="estimated")]
    calls = [_call(10, 5, "completed"), _call(7, 8, "completed"), _call(10, 3, "cut"), _call(0, 0, "invalid_request")]
    agreement = compare(lines, calls)
    assert agreement.is_exact
    whole, cut = agreement.sentences()
    assert whole == "bill and provider agree: 30 tokens in 2 complete answers"
    assert "1 calls were cut" in cut
    assert "43 tokens on the bill, 13 by the provider's count" in cut


def test_a_difference_is_told() -> None:
    """A call that the provider served and the bill does not know."""
    agreement = compare([_line(1)], [_call(10, 5, "completed"), _call(1, 0, "completed")])
    assert not agreement.is_exact
    assert agreement.sentences() == ["bill and provider DIFFER: 15 and 16 tokens in 1 complete answers"]
