"""Several credentials of one provider."""

import itertools
from collections import Counter
from contextlib import aclosing

from streamproc.chain.provider import Completed
from streamproc.errors import CredentialRefused, QuotaExhausted, ServerFault
from streamproc.providers.catalog import Catalog
from streamproc.settings.provider import ProviderSettings
from tests.faults.raw_provider import (
    DONE,
    END,
    FINISH,
    STREAM,
    Connection,
    first,
    outcome,
    raw_provider,
    response,
    token,
)
from tests.unit.providers.calls import a_call

ANSWER = (STREAM, token("a"), FINISH, DONE, END)


def catalog(url: str) -> Catalog:
    """A provider with a key of its own and two more."""
    fields = {
        "models": ["m"],
        "base_url": url,
        "api_key": "key-main",
        "credentials": {"second": {"api_key": "key-2"}, "third": {"api_key": "key-3"}},
    }
    return Catalog({"p": ProviderSettings.model_validate(fields)}, now=lambda: 0.0)


def key_of(connection: Connection) -> str:
    """The key that came with the request."""
    line = next(line for line in connection.head.split(b"\r\n") if line.startswith(b"authorization: Bearer "))
    return line.removeprefix(b"authorization: Bearer ").decode()


async def test_each_bears_its_part() -> None:
    """Nine calls, three with each key, in turns."""
    keys: list[str] = []

    async def behave(connection: Connection) -> None:
        keys.append(key_of(connection))
        await connection.send(*ANSWER)

    async with raw_provider(behave) as server:
        built = catalog(server.url)
        for _ in range(9):
            text, _, error = await outcome(built.providers["p"], a_call())
            assert (text, error) == ("a", None)
        await built.aclose()
    assert Counter(keys) == {"key-main": 3, "key-2": 3, "key-3": 3}
    assert all(left != right for left, right in itertools.pairwise(keys))


async def test_a_refused_credential_is_named_and_the_next_try_goes_to_another() -> None:
    """Its name in the settings stands in the sentence, never the key. Other errors name none: it is not their fault."""
    refusals = {
        "key-main": response("500 Oops", "application/json", b"{}"),
        "key-2": response("401 Unauthorized", "application/json", b'{"error":{"message":"bad key key-2"}}'),
        "key-3": response("429 Too Many", "application/json", b'{"error":{"code":"insufficient_quota","message":"x"}}'),
    }

    async def behave(connection: Connection) -> None:
        await connection.send(refusals.get(key_of(connection)) or b"".join(ANSWER))

    async with raw_provider(behave) as server:
        built = catalog(server.url)
        seen = [(await outcome(built.providers["p"], a_call()))[2] for _ in range(3)]
        refusals.pop("key-main")
        text, _, error = await outcome(built.providers["p"], a_call())
        await built.aclose()
    assert [type(error) for error in seen] == [ServerFault, CredentialRefused, QuotaExhausted]
    assert [str(error).partition(" (")[2] for error in seen] == ["", "credential 'second')", "credential 'third')"]
    assert "key-2" not in str(seen[1])
    assert (text, error) == ("a", None)


async def test_whoever_leaves_early_leaves_the_connection_too() -> None:
    """Closing the outer stream closes the inner one, and with it the socket."""

    async def behave(connection: Connection) -> None:
        await connection.send(STREAM, token("a"))
        assert await connection.closed_by_client()
        connection.close()

    async with raw_provider(behave) as server:
        built = catalog(server.url)
        async with aclosing(built.providers["p"].stream(a_call())) as events:
            assert not isinstance(await first(events), Completed)
        assert built.connections()["p"].active == 0
        await built.aclose()
