"""The Redis ledger where Redis lets nobody in, does not let it do all it needs, or is full: said in one sentence."""

import asyncio

import pytest

from streamproc.money.ledger_redis import RedisLedger
from streamproc.money.scope import Scope
from streamproc.money.store_redis import StoreRefused
from streamproc.money.verdict import Held
from tests.contract.harness.redis_ledgers import HandClock, begun, build, running_ledger, spend
from tests.contract.harness.waiting import eventually
from tests.contract.test_redis_ledger import why
from tests.servers.redis import Redis

RIGHTS = "~{test}:* +eval +evalsha +hscan +info +time +unlink +hset +hget +hmget +hdel +hexists +hlen +hincrby"
"""All that the documentation says, and nothing more."""


def user(redis: Redis, rights: str) -> str:
    """The URL of a user with these rights."""
    assert redis.ask("ACL", "SETUSER", "worker", "reset", "on", ">right", *rights.split()) == "+OK"
    return redis.url.replace("redis://", "redis://worker:right@")


async def test_the_rights_that_are_documented_are_enough(redis: Redis) -> None:
    """A view is built, used, looked at and tidied with them."""
    async with running_ledger(begun(user(redis, RIGHTS), HandClock())) as ledger:
        await build(ledger, [spend("open", 10)])
        assert await ledger.view.order("lead", "somebody", 5000)
        assert why(await ledger.reserve(spend("a", 60))) == "Reserved"
        ledger.settle(spend("a", 50))
        (standing,) = await ledger.standings()
        assert (standing.settled, standing.reserved, standing.account.scope) == (50, 10, Scope("global"))
        await ledger.view.tidy()
        await ledger.view.order("forget", ledger.condition.generation)


@pytest.mark.parametrize(
    "rights",
    [
        f"{RIGHTS} resetpass >another",
        f"{RIGHTS} off",
        RIGHTS.replace("+evalsha", ""),
        RIGHTS.replace("+info", ""),
        RIGHTS.replace("+hincrby", ""),
        RIGHTS.replace("{test}", "{other}"),
    ],
)
async def test_whoever_is_refused_is_told_so_and_does_not_wait(redis: Redis, rights: str) -> None:
    """Time alone mends nothing. What a script may not do once counted as a Redis that is away, and runs waited for ever."""
    ledger = begun(user(redis, rights), HandClock())
    use = asyncio.create_task(_use(ledger))
    with pytest.raises(ExceptionGroup) as told:
        await ledger.run()
    use.cancel()
    await asyncio.wait([use])
    await ledger.view.close()
    (refused,) = told.value.exceptions
    assert isinstance(refused, StoreRefused)
    assert "look at the name and password in budgets.redis_url" in str(refused)
    assert "right@" not in str(refused)


async def _use(ledger: RedisLedger) -> None:
    await build(ledger)
    await ledger.reserve(spend("a", 60))


async def test_a_look_that_is_refused_is_no_redis_that_is_away(redis: Redis) -> None:
    """Only whoever keeps the view looks through all of it, so nobody would notice before a worker dies."""
    async with running_ledger(begun(user(redis, RIGHTS.replace("+hscan", "")), HandClock())) as ledger:
        await build(ledger)
        with pytest.raises(StoreRefused):
            await ledger.standings()


async def test_a_redis_that_is_full_holds_runs_until_it_has_room(redis: Redis) -> None:
    """It takes no reservation, and loses none."""
    async with running_ledger(begun(redis.url, HandClock())) as ledger:
        await build(ledger)
        assert why(await ledger.reserve(spend("a", 60))) == "Reserved"
        redis.ask("CONFIG", "SET", "maxmemory", "1")
        held = await ledger.reserve(spend("b", 30))
        assert isinstance(held, Held)
        assert held.why == "away"
        assert "maxmemory" in held.sentence
        ledger.settle(spend("a", 40))
        redis.ask("CONFIG", "SET", "maxmemory", "0")
        await eventually(lambda: ledger.condition.state == "open", lambda: ledger)
        await eventually(lambda: "tells=0" in repr(ledger), lambda: ledger)
        assert why(await ledger.reserve(spend("b", 60))) == "Reserved"
        (standing,) = await ledger.standings()
        assert (standing.settled, standing.reserved) == (40, 60)
