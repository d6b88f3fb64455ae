"""What a worker knows of the shares that are spent, when the view is in Redis."""

from tests.contract.harness.redis_ledgers import HandClock, begun, build, running_ledger, spend
from tests.contract.harness.waiting import eventually
from tests.servers.redis import Redis


async def test_the_share_that_is_spent_is_known_soon_after_somebody_asked(redis: Redis) -> None:
    """It decides which model a request gets, and nobody can wait for it then: at first it is not known."""
    async with running_ledger(begun(redis.url, HandClock())) as ledger:
        await build(ledger)
        await ledger.reserve(spend("a", 60))
        ledger.settle(spend("a", 60))
        assert ledger.spent_share(spend("b", 0)) is None
        await eventually(lambda: ledger.spent_share(spend("b", 0)) == 0.6, lambda: ledger)
