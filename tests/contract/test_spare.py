"""What a request gets that is content with less when nobody can answer, in a real worker."""

from typing import Any

import httpx

from streamproc.records.result import Result
from tests.contract.harness.member import running_member
from tests.contract.harness.stage import Stage, staged

GOOD, AWAY = "mock-t5-i1-f2", "mock-e503"
TEXT = "Nobody can answer at present; please ask again later."


async def answered(stage: Stage, model: str, **fields: Any) -> Result:
    """The result of a request, once everything that it left behind was read."""
    run = await stage.ask(model, **fields)
    await stage.outputs.result(run)
    await stage.has_committed(run)
    await stage.outputs.rest()
    return await stage.outputs.result(run)


async def test_a_route_says_its_text_when_nobody_answers(bootstrap: str, topic_prefix: str) -> None:
    """It is streamed and no call is billed; later ones do not even try, for the breaker is open."""
    routes = {"chat": {"variants": {"v": {"use": [f"mock/{AWAY}"]}}, "degraded_text": TEXT}}
    breaker = {"min_calls": 2, "failure_rate": 0.5}
    async with (
        staged(bootstrap, topic_prefix, GOOD, AWAY, routes=routes, breaker=breaker) as stage,
        running_member(stage.settings),
    ):
        results = [await answered(stage, "chat", if_unavailable="degraded") for _ in range(5)]
        assert {(result.status, result.text, result.degraded) for result in results} == {("completed", TEXT, True)}
        assert {(result.cost_nanos, result.route, result.cache) for result in results} == {(0, "chat", None)}
        assert len(stage.mock.stats.calls) < 10
        assert results[-1].calls == 0


async def test_an_old_answer_is_given_when_the_provider_is_away(bootstrap: str, topic_prefix: str) -> None:
    """Its time is over for everybody else; the bill says what was saved."""
    cache = {"enabled": True, "ttl_seconds": 0.5, "stale_seconds": 600}
    async with staged(bootstrap, topic_prefix, GOOD, cache=cache) as stage, running_member(stage.settings):
        bought = await answered(stage, GOOD)
        async with httpx.AsyncClient() as client:
            await client.post(stage.mock.base_url.removesuffix("/v1") + "/outage", params={"seconds": 60})
        run = await stage.ask(GOOD, cache="refresh", if_unavailable="stale")
        stale = await stage.outputs.result(run)
        await stage.has_committed(run)
        await stage.outputs.rest()
        assert (stale.status, stale.text, stale.cache, stale.degraded) == ("completed", bought.text, "stale", True)
        (line,) = stage.outputs.usage_of(run)
        assert (line.basis, line.cost_nanos, line.saved and line.saved.state) == ("cache", 0, "stale")
