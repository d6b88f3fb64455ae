"""Several credentials of one provider: they take turns, and one that is refused is passed over."""

import itertools
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any

from streamproc.chain.permit import NotBefore
from streamproc.chain.run import Run
from streamproc.chains import Chains
from streamproc.errors import CredentialRefused, NotNow, QuotaExhausted, ServerFault
from streamproc.money.tokens import TokenCounter
from streamproc.observe.events import BreakerChanged, CallEnded, CallsHeld
from streamproc.providers.catalog import Catalog
from streamproc.settings.settings import Settings
from tests.fakes import FakeClock, Seen, a_call, a_request, a_run, asked
from tests.faults.raw_provider import DONE, END, FINISH, STREAM, Connection, outcome, raw_provider, response, token

ANSWER = b"".join((STREAM, token("a"), FINISH, DONE, END))
OOPS = response("500 Oops", "application/json", b"{}")
WRONG_KEY = response("401 Unauthorized", "application/json", b'{"error":{"message":"bad key key-2"}}')
NO_CREDIT = response("429 Too Many", "application/json", b'{"error":{"code":"insufficient_quota","message":"x"}}')


class Rig:
    """The chain in front of a server that answers each key as `answers` says. No try follows another by itself."""

    def __init__(self, url: str, settings: Mapping[str, Any]) -> None:
        provider = {
            "models": ["m"],
            "base_url": url,
            "api_key": "key-main",
            "prices": {"m": {"input_usd": 1, "output_usd": 1}},
            "credentials": {"second": {"api_key": "key-2"}, "third": {"api_key": "key-3"}},
        }
        read = Settings.model_validate({"providers": {"p": provider}, "retry": {"attempts": 1}, **settings})
        self.seen, self.clock = Seen(), FakeClock()
        self.catalog = Catalog(read.providers, now=self.clock.time)
        self.chains = Chains(read, self.catalog, self.clock, self.seen, TokenCounter())
        self.provider = self.chains.leave.plan(asked(a_request())).chain
        self.answers: dict[str, bytes] = {}
        self.keys: list[str] = []

    async def behave(self, connection: Connection) -> None:
        line = next(line for line in connection.head.split(b"\r\n") if line.startswith(b"authorization: Bearer "))
        key = line.removeprefix(b"authorization: Bearer ").decode()
        self.keys.append(key)
        await connection.send(self.answers.get(key, ANSWER))

    def run(self, **fields: Any) -> Run:
        """A run that would go through this chain."""
        return a_run(provider=self.provider, **fields)


@asynccontextmanager
async def rig(**settings: Any) -> AsyncIterator[Rig]:
    """A rig with a server, and these settings over the usual ones."""
    built: list[Rig] = []

    async def behave(connection: Connection) -> None:
        await built[0].behave(connection)

    async with raw_provider(behave) as server:
        built.append(Rig(server.url, settings))
        yield built[0]
        await built[0].catalog.aclose()


async def test_each_bears_its_part() -> None:
    """Nine calls, three with each key, in turns."""
    async with rig() as chain:
        for _ in range(9):
            text, _, error = await outcome(chain.provider, a_call())
            assert (text, error) == ("a", None)
        assert Counter(chain.keys) == {"key-main": 3, "key-2": 3, "key-3": 3}
        assert all(left != right for left, right in itertools.pairwise(chain.keys))


async def test_a_refused_credential_is_named_and_the_next_try_goes_to_another() -> None:
    """Its name in the settings stands in the sentence, never the key. Other errors name none: it is not their fault."""
    async with rig() as chain:
        chain.answers |= {"key-main": OOPS, "key-2": WRONG_KEY, "key-3": NO_CREDIT}
        seen = [(await outcome(chain.provider, a_call()))[2] for _ in range(3)]
        chain.answers.pop("key-main")
        text, _, error = await outcome(chain.provider, a_call())
        assert [type(error) for error in seen] == [ServerFault, CredentialRefused, QuotaExhausted]
        assert [str(error).partition(" (")[2] for error in seen] == ["", "credential 'second')", "credential 'third')"]
        assert "key-2" not in str(seen[1])
        assert [ended.error for ended in chain.seen.of(CallEnded)] == [*map(str, seen), None]
        assert (text, error) == ("a", None)


async def test_a_refused_credential_is_asked_again_only_as_a_probe() -> None:
    """It would fail again: the others take its turns. When a person has mended it, one call finds out."""
    async with rig() as chain:
        chain.answers["key-2"] = WRONG_KEY
        for _ in range(7):
            await outcome(chain.provider, a_call())
        assert chain.keys.count("key-2") == 1
        chain.answers.pop("key-2")
        chain.clock.now += 30
        for _ in range(3):
            assert (await outcome(chain.provider, a_call()))[2] is None
        assert chain.keys.count("key-2") == 2
        changes = [(change.credential, change.state) for change in chain.seen.of(BreakerChanged)]
        assert changes == [("second", "open"), ("second", "half_open"), ("second", "closed")]


async def test_without_a_credential_that_takes_it_a_run_waits_without_a_slot() -> None:
    """It is told when the first one will be probed; a further try of a run that has a slot gives that back."""
    async with rig() as chain:
        chain.answers |= dict.fromkeys(("key-main", "key-2", "key-3"), WRONG_KEY)
        for _ in range(3):
            await outcome(chain.provider, a_call())
        chain.clock.now += 10
        assert chain.chains.leave.admit(chain.run()) == NotBefore(20.0, "breaker", is_tenant=False)
        assert chain.seen.of(CallsHeld) == [CallsHeld("p", "breaker", None, 20.0)]
        *_, error = await outcome(chain.provider, a_call())
        assert isinstance(error, NotNow)
        assert (str(error), error.retry_after_seconds) == ("p takes no call to m now (breaker)", 20.0)
        assert len(chain.keys) == 3


async def test_another_model_is_not_concerned() -> None:
    """A key that may not use one model may be good for all others."""
    async with rig() as chain:
        chain.answers |= dict.fromkeys(("key-main", "key-2", "key-3"), WRONG_KEY)
        for _ in range(3):
            await outcome(chain.provider, a_call())
        assert chain.chains.leave.admit(chain.run(model="other")) is None


async def test_a_permit_is_for_the_credential_that_the_call_goes_to() -> None:
    """The dispatch took it, so the turn is over when the call begins."""
    async with rig() as chain:
        run = chain.run()
        assert chain.chains.leave.admit(run) is None
        permit = run.progress.permit
        assert repr(permit) == "Permit(main, m, is_spent=False)"
        await outcome(chain.provider, a_call(progress=run.progress))
        await outcome(chain.provider, a_call())
        assert chain.keys == ["key-main", "key-2"]
        assert (repr(permit), run.progress.permit) == ("Permit(main, m, is_spent=True)", None)


async def test_an_answer_that_was_the_last_one_for_now_holds_its_credential() -> None:
    """The headers beside it say so; others take its turns until the reset."""
    async with rig() as chain:
        last = b"x-ratelimit-remaining-requests: 0\r\nx-ratelimit-reset-requests: 5s\r\ncontent-type"
        chain.answers["key-main"] = ANSWER.replace(b"content-type", last, 1)
        for _ in range(7):
            assert (await outcome(chain.provider, a_call()))[2] is None
        assert chain.keys.count("key-main") == 1
        chain.clock.now += 5
        for _ in range(3):
            await outcome(chain.provider, a_call())
        assert chain.keys.count("key-main") == 2


async def test_limits_are_each_credential_s_own() -> None:
    """One call at a time with each of three keys, two with one that has limits of its own."""
    limits = {"max_concurrent": 1}
    credentials = {"second": {"api_key": "2", "limits": {"max_concurrent": 2}}, "third": {"api_key": "3"}}
    provider = {
        "models": ["m"],
        "base_url": "http://p/v1",
        "api_key": "1",
        "limits": limits,
        "credentials": credentials,
    }
    async with rig(providers={"p": provider}, allow_unpriced=True) as chain:
        held = [chain.chains.leave.admit(chain.run()) for _ in range(5)]
        assert held == [None] * 4 + [NotBefore(0.25, "concurrency", is_tenant=False)]


async def test_a_tenant_has_limits_of_its_own() -> None:
    """A named one, and each of all others by itself."""
    tenants = {"big": {"max_concurrent": 2}, "*": {"requests_per_minute": 60}}
    async with rig(tenants=tenants) as chain:
        asked = ["big", "big", "big", "a", "a", "b"]
        held = [chain.chains.leave.admit(chain.run(tenant=tenant)) for tenant in asked]
        assert [hold and (hold.reason, hold.is_tenant) for hold in held] == [
            None, None, ("concurrency", True), None, ("requests", True), None,
        ]  # fmt: skip
        assert {(seen.tenant, seen.wait_seconds) for seen in chain.seen.of(CallsHeld)} == {("big", 0.25), ("a", 1.0)}


async def test_tokens_are_let_in_by_estimate_and_settled_by_the_count() -> None:
    """A hundred tokens of answer are asked for and few are used: what is left serves the next call."""
    tenants = {"*": {"tokens_per_minute": 1024}}
    async with rig(tenants=tenants, limits={"default_output_tokens": 900}) as chain:
        first, second = chain.run(), chain.run()
        assert chain.chains.leave.admit(first) is None
        assert (hold := chain.chains.leave.admit(second)) is not None
        assert hold.reason == "tokens"
        await outcome(chain.provider, a_call(progress=first.progress))
        assert chain.chains.leave.admit(second) is None


async def test_whoever_leaves_early_leaves_the_connection_and_the_permit() -> None:
    """Closing the outer stream closes the inner one, with it the socket, and the place is free."""
    provider: dict[str, Any] = {"models": ["m"], "api_key": "1", "limits": {"max_concurrent": 1}}
    gone: list[bool] = []

    async def behave(connection: Connection) -> None:
        await connection.send(STREAM, token("a"))
        gone.append(await connection.closed_by_client())
        connection.close()

    async with raw_provider(behave) as server:
        chain = Rig(server.url, {"providers": {"p": {**provider, "base_url": server.url}}, "allow_unpriced": True})
        run = chain.run()
        assert chain.chains.leave.admit(run) is None
        async with aclosing(chain.provider.stream(a_call(progress=run.progress))) as events:
            await anext(events)
            assert chain.chains.leave.admit(chain.run()) is not None
        assert chain.catalog.connections()["p"].active == 0
        assert chain.chains.leave.admit(chain.run()) is None
        await chain.catalog.aclose()
