"""One hanging route, one noisy tenant: a quiet tenant's requests are answered all the same."""

from tests.contract.harness.member import running_member
from tests.contract.harness.stage import staged

HANGS, QUICK = "mock-t10-i2-f600000", "mock-t5-i1-f20"
_SLOTS = 10


async def test_a_quiet_tenant_is_answered_beside_a_hanging_route_and_a_flood(bootstrap: str, topic_prefix: str) -> None:
    """More calls hang than there are slots, and hundreds of another tenant's requests came before its own.

    All of its are answered while not one that hangs has an end and most of the flood still waits.
    """
    async with (
        staged(bootstrap, topic_prefix, HANGS, QUICK, worker={"max_running": _SLOTS}) as stage,
        running_member(stage.settings) as member,
    ):
        hanging = await stage.ask_many((n % 4, stage.request(HANGS, tenant="unlucky")) for n in range(2 * _SLOTS))
        tenants = ["noisy"] * 400 + ["quiet"] * 40
        sent = await stage.ask_many((n % 4, stage.request(QUICK, tenant=tenant)) for n, tenant in enumerate(tenants))
        flood, quiet = sent[:400], sent[400:]
        results = [await stage.outputs.result(run) for run in quiet]
        assert {result.status for result in results} == {"completed"}
        answered = sum(bool(stage.outputs.results_of(run)) for run in flood)
        assert answered < 300
        assert not any(stage.outputs.results_of(run) for run in hanging)
        assert member.worker.state().running <= _SLOTS


async def test_a_higher_priority_overtakes_requests_of_its_tenant(bootstrap: str, topic_prefix: str) -> None:
    """With one slot all others wait: the urgent one, sent last, is answered before most of them."""
    async with staged(bootstrap, topic_prefix, QUICK, worker={"max_running": 1}) as stage:
        usual = await stage.ask_many((0, stage.request(QUICK)) for _ in range(15))
        urgent = await stage.ask(QUICK, priority=9)
        async with running_member(stage.settings):
            await stage.outputs.result(urgent)
            assert sum(bool(stage.outputs.results_of(run)) for run in usual) < 10
            for run in usual:
                await stage.outputs.result(run)
