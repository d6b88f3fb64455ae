"""Routes in a real worker: who answers when one cannot, what the records say of it, and which variant a request gets."""

from collections import Counter
from typing import Any

import pytest

from streamproc.chain.routes import pick
from streamproc.observe.events import CallEnded
from streamproc.observe.route_events import FellBack
from streamproc.records.identity import RunId
from streamproc.records.result import Result
from tests.contract.harness.bookkeeping import accounted, billed
from tests.contract.harness.cancelling import cancel
from tests.contract.harness.member import Member, running_member
from tests.contract.harness.settings import PARTITIONS
from tests.contract.harness.stage import Stage, staged
from tests.contract.harness.waiting import eventually

GOOD, SECOND = "mock-t5-i1-f2", "mock-t6-i1-f2"
AWAY, CUT, REFUSED, QUOTA, LONG, WRONG = (
    "mock-e503", "mock-t30-i1-cut10", "mock-e401", "mock-quota", "mock-toolong", "mock-e400",
)  # fmt: skip
MODELS = (GOOD, SECOND, AWAY, CUT, REFUSED, QUOTA, LONG, WRONG)


def to(*use: str, **fields: Any) -> dict[str, Any]:
    """A variant with these models; those of the other provider after a `+`."""
    places = [f"other/{name[1:]}" if name.startswith("+") else f"mock/{name}" for name in use]
    return {"use": places, **fields}


def route(**variants: dict[str, Any]) -> dict[str, Any]:
    """A route with these variants."""
    return {"variants": variants}


def on_stage(bootstrap: str, prefix: str, routes: dict[str, Any], **changes: dict[str, Any]) -> Any:
    """A stage with two providers, `mock` and `other`, and these routes."""
    retry = {"attempts": 2, "max_lost_attempts": 10} | changes.pop("retry", {})
    return staged(bootstrap, prefix, *MODELS, others={"other": {}}, routes=routes, retry=retry, **changes)


async def answered(stage: Stage, run: RunId) -> Result:
    """The result of a run, once everything that it left behind was read."""
    await stage.outputs.result(run)
    await stage.has_committed(run)
    await stage.outputs.rest()
    return await stage.outputs.result(run)


def steps(member: Member) -> list[tuple[str, str, str]]:
    """What was left for what, and why."""
    return [(fell.left, fell.taken, fell.reason) for fell in member.all(FellBack)]


@pytest.mark.parametrize(
    ("first", "reason", "calls"),
    [(AWAY, "overloaded", 3), (REFUSED, "credential_refused", 2), (QUOTA, "quota_exhausted", 2)],
)
async def test_the_next_one_answers(bootstrap: str, topic_prefix: str, first: str, reason: str, calls: int) -> None:
    """A provider without capacity is tried twice, a wrong key and an empty account once; each call has its own bill."""
    routes = {"chat": route(v=to(first, f"+{GOOD}"))}
    async with on_stage(bootstrap, topic_prefix, routes) as stage, running_member(stage.settings) as member:
        run = await stage.ask("chat")
        result = await answered(stage, run)
        assert (result.status, result.degraded, result.route, result.variant) == ("completed", True, "chat", "v")
        assert (result.provider, result.model, result.calls) == ("other", GOOD, calls)
        assert result.text == stage.outputs.text_of(run)
        (line,) = stage.outputs.usage_of(run)
        assert (line.provider, line.model, line.cost_nanos) == ("other", GOOD, result.cost_nanos)
        assert (line.route, line.variant) == ("chat", "v")
        assert len(stage.mock.stats.calls) == calls
        assert steps(member) == [(f"mock/{first}", f"other/{GOOD}", reason)]


async def test_the_first_one_is_no_substitute(bootstrap: str, topic_prefix: str) -> None:
    """It is said of a route only."""
    async with (
        on_stage(bootstrap, topic_prefix, {"chat": route(v=to(GOOD, f"+{GOOD}"))}) as stage,
        running_member(stage.settings) as member,
    ):
        routed = await answered(stage, await stage.ask("chat"))
        plain = await answered(stage, await stage.ask(GOOD, partition=1))
        assert (routed.degraded, routed.provider, routed.route) == (False, "mock", "chat")
        assert (plain.degraded, plain.provider, plain.route, plain.variant) == (None, "mock", None, None)
        assert steps(member) == []


async def test_an_answer_that_broke_off_begins_anew_elsewhere(bootstrap: str, topic_prefix: str) -> None:
    """What readers saw is void; the lost attempts and the answer are billed, each to whom it was asked of."""
    async with (
        on_stage(bootstrap, topic_prefix, {"chat": route(v=to(CUT, f"+{GOOD}"))}) as stage,
        running_member(stage.settings),
    ):
        run = await stage.ask("chat")
        result = await answered(stage, run)
        assert (result.status, result.provider, result.degraded, result.calls) == ("completed", "other", True, 3)
        assert result.text == stage.outputs.text_of(run)
        assert {chunk.attempt for chunk in stage.outputs.chunks_of(run)} >= {result.attempt}
        lines = [(line.provider, line.basis) for line in stage.outputs.usage_of(run)]
        assert lines == [("mock", "estimated"), ("mock", "estimated"), ("other", "provider")]
        assert billed(stage.outputs) == await accounted(stage.mock, stage.outputs)


async def test_an_open_breaker_is_not_asked(bootstrap: str, topic_prefix: str) -> None:
    """Runs that come later go to the second model before they have a slot."""
    async with (
        on_stage(
            bootstrap,
            topic_prefix,
            {"chat": route(v=to(AWAY, f"+{GOOD}"))},
            retry={"attempts": 1},
            breaker={"min_calls": 5, "open_seconds": 30, "max_open_seconds": 30},
        ) as stage,
        running_member(stage.settings) as member,
    ):
        for number in range(5):
            await stage.outputs.result(await stage.ask("chat", partition=number % 4))
        asked = [call for call in stage.mock.stats.calls if call.model == AWAY]
        later = await stage.ask_many((number % 4, stage.request("chat")) for number in range(20))
        results = [await stage.outputs.result(run) for run in later]
        assert {(result.status, result.provider, result.degraded, result.calls) for result in results} == {
            ("completed", "other", True, 1)
        }
        assert [call for call in stage.mock.stats.calls if call.model == AWAY] == asked
        assert Counter(reason for _, _, reason in steps(member)) == {"overloaded": 5, "breaker": 20}


async def test_a_request_that_is_too_long_goes_to_a_longer_context(bootstrap: str, topic_prefix: str) -> None:
    """Past one that is known to be no longer; a bad request goes nowhere."""
    facts = {LONG: {"context_tokens": 9000}, SECOND: {"context_tokens": 9000}, GOOD: {"context_tokens": 10_000}}
    routes = {
        "chat": route(v=to(LONG, f"+{SECOND}", f"+{GOOD}")),
        "short": route(v=to(LONG, f"+{SECOND}")),
        "wrong": route(v=to(WRONG, f"+{GOOD}")),
    }
    async with (
        on_stage(bootstrap, topic_prefix, routes, provider={"facts": facts}) as stage,
        running_member(stage.settings) as member,
    ):
        result = await answered(stage, await stage.ask("chat"))
        assert (result.status, result.model, result.calls, result.degraded) == ("completed", GOOD, 2, True)
        assert steps(member) == [(f"mock/{LONG}", f"other/{GOOD}", "context_too_long")]
        failed = [await answered(stage, await stage.ask(name, partition=1)) for name in ("short", "wrong")]
        assert [result.error.code for result in failed if result.error] == ["context_too_long", "bad_request"]
        assert [result.calls for result in failed] == [1, 1]


async def test_a_run_that_nobody_answers_waits(bootstrap: str, topic_prefix: str) -> None:
    """Nobody fails it, and all of its models are asked again, as long as its sender wants an answer."""
    async with (
        on_stage(bootstrap, topic_prefix, {"chat": route(v=to(AWAY, f"+{REFUSED}"))}) as stage,
        running_member(stage.settings) as member,
    ):
        run = await stage.ask("chat")
        await eventually(lambda: Counter(call.model for call in stage.mock.stats.calls)[AWAY] >= 4)
        assert stage.outputs.results_of(run) == []
        assert (f"mock/{AWAY}", f"other/{REFUSED}", "overloaded") in steps(member)
        await cancel(stage, run)
        result = await answered(stage, run)
        assert (result.status, result.degraded, result.route) == ("cancelled", None, "chat")
        assert {line.reason for line in stage.outputs.usage_of(run)} <= {"cancelled"}  # it may be in a call


async def test_weights_share_requests_out(bootstrap: str, topic_prefix: str) -> None:
    """Each tenant stays with the variant that its name draws, whichever worker it meets."""
    variants = {"a": to(GOOD, weight=3), "b": to(f"+{SECOND}", weight=1)}
    async with on_stage(bootstrap, topic_prefix, {"chat": route(**variants)}) as stage, running_member(stage.settings):
        asked = [stage.request("chat", tenant=f"t{number % 40}") for number in range(120)]
        await stage.ask_many((number % 4, request) for number, request in enumerate(asked))
        await stage.outputs.until(lambda: len(stage.outputs.results) == len(asked))
        found = {(result.tenant, result.variant, result.model) for result in stage.outputs.results}
        expected = {f"t{number}": pick("chat", f"t{number}", {"a": 3, "b": 1}) for number in range(40)}
        assert found == {(name, own, GOOD if own == "a" else SECOND) for name, own in expected.items()}
        assert set(expected.values()) == {"a", "b"}


async def test_conditions_choose(bootstrap: str, topic_prefix: str) -> None:
    """By what is in the request, and by how long its sender will wait."""
    routes = {
        "chat": route(
            long=to(GOOD, when={"min_prompt_tokens": 500}),
            tools=to(GOOD, when={"tools": True}),
            hurry=to(f"+{SECOND}", when={"max_seconds_left": 60}),
            rest=to(f"+{GOOD}"),
        )
    }
    tool = {"type": "function", "function": {"name": "f"}}
    long = [{"role": "user", "content": "word " * 500}]
    async with on_stage(bootstrap, topic_prefix, routes) as stage, running_member(stage.settings):
        fields: list[dict[str, Any]] = [{"messages": long}, {"tools": [tool]}, {"deadline": stage.time_in(50)}, {}]
        results = [await stage.outputs.result(await stage.ask("chat", **own)) for own in fields]
        assert [result.variant for result in results] == ["long", "tools", "hurry", "rest"]
        assert {(result.status, result.degraded) for result in results} == {("completed", False)}


async def test_a_run_that_has_waited_long_gets_the_variant_for_the_hurried(bootstrap: str, topic_prefix: str) -> None:
    """Conditions on time are looked at again while its first choice is away."""
    calm, hurry = to(AWAY, when={"min_seconds_left": 6}), to(f"+{GOOD}")
    async with (
        on_stage(bootstrap, topic_prefix, {"chat": route(calm=calm, hurry=hurry)}) as stage,
        running_member(stage.settings) as member,
    ):
        await member.has_claimed(PARTITIONS)
        result = await answered(stage, await stage.ask("chat", deadline=stage.time_in(10)))
        assert (result.status, result.variant, result.degraded) == ("completed", "hurry", False)
        models = [ended.model for ended in member.all(CallEnded)]
        assert (models[0], models[-1]) == (AWAY, GOOD)


async def test_a_tenant_near_its_cap_gets_the_cheaper_model(bootstrap: str, topic_prefix: str) -> None:
    """When a half is spent; another tenant keeps what it had."""
    prices = {GOOD: {"input_usd": 0.01, "output_usd": 100.0}, SECOND: {"input_usd": 0.01, "output_usd": 0.01}}
    routes = {"chat": route(saving=to(SECOND, when={"spent_share": 0.5}), usual=to(GOOD))}
    cap = {"scope": "tenant=*", "window": "day", "usd": 0.0009}
    async with (
        on_stage(
            bootstrap, topic_prefix, routes, provider={"prices": {**dict.fromkeys(MODELS, prices[SECOND]), **prices}},
            budgets={"caps": [cap], "kill_at": 1.0},
        ) as stage,
        running_member(stage.settings) as member,
    ):  # fmt: skip
        asked: dict[str, Any] = {"max_output_tokens": 8}
        found = [await answered(stage, await stage.ask("chat", tenant="acme", **asked)) for _ in range(3)]
        other = await answered(stage, await stage.ask("chat", tenant="other", **asked))
        assert [result.variant for result in found] == ["usual", "saving", "saving"]
        assert (other.variant, {result.status for result in found}) == ("usual", {"completed"})
        assert {ended.model for ended in member.all(CallEnded)} == {GOOD, SECOND}


async def test_a_sick_variant_holds_up_no_other(bootstrap: str, topic_prefix: str) -> None:
    """Each has a queue of its own."""
    routes = {"chat": route(sick=to(AWAY, when={"tools": True}), well=to(f"+{GOOD}"))}
    tool = {"type": "function", "function": {"name": "f"}}
    async with on_stage(bootstrap, topic_prefix, routes) as stage, running_member(stage.settings):
        sick = [await stage.ask("chat", tools=[tool]) for _ in range(10)]
        await eventually(lambda: stage.mock.stats.calls)
        well = [await stage.ask("chat") for _ in range(10)]
        results = [await stage.outputs.result(run) for run in well]
        assert {(result.status, result.variant) for result in results} == {("completed", "well")}
        assert [stage.outputs.results_of(run) for run in sick] == [[]] * 10
