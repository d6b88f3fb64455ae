"""P4: a budget is never exceeded, at any concurrency, nor after a crash; and what it allows is used."""

from pathlib import Path
from typing import Any

from streamproc.observe.events import BudgetHeld, BudgetSpent, CallLost, CallsHeld
from tests.contract.harness.member import running_member
from tests.contract.harness.program import running_program
from tests.contract.harness.stage import Stage, staged
from tests.contract.harness.waiting import eventually

MODEL = "mock-t30-i1-f2"
ENDLESS = "mock-t9000-i20-f5"
CUT = "mock-t30-i1-cut10"
REFUSED = "mock-e400"
INPUT_NANOS, OUTPUT_NANOS = 10, 2000
MOST_OUTPUT = 100
ASKED: dict[str, Any] = {"tenant": "acme", "max_output_tokens": MOST_OUTPUT}
WORST_USD = 0.00022
"""A little more than a call with `MOST_OUTPUT` tokens can cost: 1,300 input tokens at most, and the output."""


def budgets(usd: float, scope: str = "tenant=*", **fields: Any) -> dict[str, Any]:
    """One cap on a day, without a kill switch before its end."""
    return {"kill_at": 1.0, "caps": [{"scope": scope, "window": "day", "usd": usd}], **fields}


def priced(*models: str) -> dict[str, Any]:
    """The mock provider's models with prices by which nearly all is output."""
    price = {"input_usd": INPUT_NANOS / 1000, "output_usd": OUTPUT_NANOS / 1000}
    return {"prices": dict.fromkeys(models, price)}


def billed_nanos(stage: Stage) -> int:
    """What the mock provider's own bill comes to."""
    return sum(INPUT_NANOS * call.input_tokens + OUTPUT_NANOS * call.output_tokens for call in stage.mock.stats.calls)


async def test_a_thousand_at_once_do_not_pass_a_cap(bootstrap: str, topic_prefix: str) -> None:
    """Each would fit alone. Answers are 30 % of what they may be, and at most 5 % of the cap are left over."""
    cap_usd = 0.006
    async with staged(bootstrap, topic_prefix, MODEL, provider=priced(MODEL), budgets=budgets(cap_usd)) as stage:
        requests = [stage.request(MODEL, **ASKED) for _ in range(1000)]
        runs = await stage.ask_many((number % 4, request) for number, request in enumerate(requests))
        async with running_member(stage.settings):
            results = [await stage.outputs.result(run) for run in runs]
        statuses = [result.status for result in results]
        assert statuses.count("completed") + statuses.count("rejected") == len(runs)
        assert 0.95 * cap_usd * 1e9 <= billed_nanos(stage) <= cap_usd * 1e9
        assert {result.error.code for result in results if result.error is not None} == {"budget_refused"}


async def test_what_was_spent_is_known_after_a_restart(bootstrap: str, topic_prefix: str) -> None:
    """Nothing is kept but in Kafka. The cap of one tenant holds up no other one."""
    async with staged(bootstrap, topic_prefix, MODEL, provider=priced(MODEL), budgets=budgets(WORST_USD)) as stage:
        async with running_member(stage.settings):
            first = await stage.outputs.result(await stage.ask(MODEL, **ASKED))
        async with running_member(stage.settings) as member:
            second = await stage.outputs.result(await stage.ask(MODEL, **ASKED))
            other = await stage.outputs.result(await stage.ask(MODEL, tenant="umbrella", max_output_tokens=MOST_OUTPUT))
        assert (first.status, second.status, other.status) == ("completed", "rejected", "completed")
        assert [spent.reason for spent in member.all(BudgetSpent)] == ["spent"]


async def test_a_call_that_was_cut_counts_as_the_most_it_can_have_cost(bootstrap: str, topic_prefix: str) -> None:
    """The provider may bill more than came through. The line says both, and the next worker counts the same."""
    async with staged(
        bootstrap,
        topic_prefix,
        MODEL,
        CUT,
        provider=priced(MODEL, CUT),
        budgets=budgets(1.5 * WORST_USD),
        retry={"max_lost_attempts": 0},
    ) as stage:
        async with running_member(stage.settings):
            cut = await stage.outputs.result(await stage.ask(CUT, **ASKED))
            refused = await stage.outputs.result(await stage.ask(MODEL, **ASKED))
        async with running_member(stage.settings):
            again = await stage.outputs.result(await stage.ask(MODEL, **ASKED))
        assert (cut.status, refused.status, again.status) == ("failed", "rejected", "rejected")
        (line,) = stage.outputs.usage
        assert line.basis == "estimated"
        assert line.at_most is not None
        assert (line.at_most.cost_nanos or 0) > OUTPUT_NANOS * MOST_OUTPUT > (line.cost_nanos or 0)


async def test_a_call_that_failed_for_nothing_gives_its_money_back(bootstrap: str, topic_prefix: str) -> None:
    """There is room for one call only, and none of these costs anything."""
    async with staged(
        bootstrap, topic_prefix, MODEL, REFUSED, provider=priced(MODEL, REFUSED), budgets=budgets(WORST_USD)
    ) as stage:
        async with running_member(stage.settings):
            failed = [await stage.outputs.result(await stage.ask(REFUSED, **ASKED)) for _ in range(3)]
            completed = await stage.outputs.result(await stage.ask(MODEL, **ASKED))
        assert [result.status for result in (*failed, completed)] == ["failed"] * 3 + ["completed"]


async def test_a_model_without_a_price_is_refused_under_a_cap_in_dollars(bootstrap: str, topic_prefix: str) -> None:
    """Nobody can say what it costs, and unknown is not zero. In tokens it can be counted."""
    for cap, status in (({"usd": 100.0}, "rejected"), ({"tokens": 100_000}, "completed")):
        prefix = f"{topic_prefix}.{status}"
        capped = {"caps": [{"scope": "global", "window": "month", **cap}]}
        async with staged(bootstrap, prefix, MODEL, provider={"prices": {}}, budgets=capped) as stage:
            unpriced = stage.settings.model_copy(update={"allow_unpriced": True})
            async with running_member(unpriced):
                result = await stage.outputs.result(await stage.ask(MODEL, tenant="acme"))
            assert result.status == status, result.error


async def test_a_call_that_a_crash_cut_off_holds_its_money_until_it_is_billed(
    bootstrap: str, topic_prefix: str, tmp_path: Path
) -> None:
    """A worker dies in a call. Until the call's line appears the next worker can neither spend nor refuse its money."""
    quick = {"session_timeout_seconds": 3.0, "heartbeat_interval_seconds": 0.5}
    timeouts = {"total_seconds": 4.0, "first_byte_seconds": 4.0, "idle_seconds": 4.0}
    async with staged(
        bootstrap,
        topic_prefix,
        MODEL,
        ENDLESS,
        kafka=quick,
        provider={**priced(MODEL, ENDLESS), "timeouts": timeouts},
        budgets=budgets(1.5 * WORST_USD),
        worker={"max_crashes": 1},
    ) as stage:
        lost = await stage.ask(ENDLESS, **ASKED)
        with running_program(stage.settings, tmp_path) as program:
            await eventually(lambda: stage.mock.stats.snapshot()["running"], program.last_words)
            program.kill()
        async with running_member(stage.settings) as member:
            run = await stage.ask(MODEL, **ASKED)
            await eventually(lambda: "reserved_by_others" in [held.why for held in member.all(BudgetHeld)])
            assert not stage.outputs.results_of(run)
            assert (await stage.outputs.result(run)).status == "rejected"
            assert member.all(CallLost)
            assert (await stage.outputs.result(lost)).status == "rejected"
        await stage.outputs.rest()
        assert [(line.run_id, line.basis) for line in stage.outputs.usage] == [(str(lost), "upper_bound")]


async def test_calls_go_slower_before_they_are_stopped(bootstrap: str, topic_prefix: str) -> None:
    """Once a call is paid, those of its tenant wait for their turns, and each is answered; another tenant's do not."""
    cap = {"scope": "tenant=acme", "window": "day", "usd": 10, "throttle": {"at": 1e-6, "per_minute": 120}}
    async with staged(
        bootstrap, topic_prefix, MODEL, provider=priced(MODEL), budgets={"caps": [cap]}
    ) as stage, running_member(stage.settings) as member:  # fmt: skip
        first = await stage.outputs.result(await stage.ask(MODEL, **ASKED))
        runs = [await stage.ask(MODEL, **{**ASKED, "tenant": name}) for name in ("acme",) * 5 + ("umbrella",) * 5]
        results = [first, *[await stage.outputs.result(run) for run in runs]]
        assert {result.status for result in results} == {"completed"}
        assert {(held.reason, held.tenant) for held in member.all(CallsHeld)} == {("throttle", "acme")}
