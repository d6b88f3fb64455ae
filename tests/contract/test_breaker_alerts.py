"""A breaker's changes on the alert topic, of a worker without budgets."""

from streamproc.observe.events import BreakerChanged
from tests.contract.harness.member import running_member
from tests.contract.harness.stage import staged
from tests.contract.harness.waiting import eventually_found
from tests.contract.test_budget_words import alerts


async def test_a_refused_credential_is_told(bootstrap: str, topic_prefix: str) -> None:
    """The first thing that only a person can mend: it stood in the log of one worker only."""
    breaker = {"refused_seconds": 0.05}
    async with (
        staged(bootstrap, topic_prefix, "mock-e401", breaker=breaker) as stage,
        running_member(stage.settings) as member,
    ):
        await stage.ask("mock-e401", deadline=stage.time_in(60))

        async def is_told() -> bool:
            return bool(await alerts(stage))

        await eventually_found(is_told)
        (first, *_) = await alerts(stage)
        changed = member.all(BreakerChanged)[0]
        assert (first["kind"], first["state"], first["untold"]) == ("breaker", "open", 0)
        assert (first["provider"], first["credential"], first["model"]) == ("mock", changed.credential, "mock-e401")
        assert first["reason"] == "the credential was refused"
        assert 0 < first["wait_seconds"] <= 0.05


async def test_a_used_up_quota_is_told_by_its_name(bootstrap: str, topic_prefix: str) -> None:
    """It looks like a rate limit (429), and waiting does not help."""
    async with staged(bootstrap, topic_prefix, "mock-quota") as stage, running_member(stage.settings):
        await stage.ask("mock-quota", deadline=stage.time_in(60))

        async def is_told() -> bool:
            return bool(await alerts(stage))

        await eventually_found(is_told)
        assert (await alerts(stage))[0]["reason"] == "the credential's quota is used up"
