"""Orders to the view in Redis are carried out in the order in which they were given."""

from streamproc.money.verdict import Reserved
from tests.contract.harness.redis_ledgers import HandClock, begun, build, running_ledger, spend
from tests.contract.harness.waiting import eventually
from tests.contract.test_redis_ledger import opened
from tests.servers.redis import Redis

MORE_THAN_A_BATCH = 250


async def test_a_release_takes_away_no_later_reservation(redis: Redis) -> None:
    """A call that could not begin while Redis hung is asked for anew as soon as it answers.

    Its release stood behind those of many calls that had ended meanwhile, and once came after its next reservation:
    the call went on, and others could have its money.
    """
    async with running_ledger(begun(redis.url, HandClock())) as ledger:
        await build(ledger)
        assert redis.process is not None
        redis.process.pause()
        for number in range(MORE_THAN_A_BATCH):
            ledger.release(f"ended-{number}")
        held = await ledger.reserve(spend("a", 40))
        redis.process.resume()
        await opened(held)
        assert await ledger.reserve(spend("a", 40)) == Reserved()
        await eventually(lambda: "tells=0" in repr(ledger), lambda: ledger)
        (standing,) = await ledger.standings()
        assert standing.reserved == 40
