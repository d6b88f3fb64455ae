"""How each API is asked: what the server sees of a request besides its body."""

import pytest

from tests.faults.cases.api import Api
from tests.faults.cases.table import APIS
from tests.faults.raw_provider import KEY, Connection, outcome, provider_at, raw_provider
from tests.unit.providers.calls import a_call


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
async def test_the_head_of_a_request(api: Api, stream: bool) -> None:
    """Its path, the kind of answer it takes, and the key."""
    answer = api.answer(*api.good) if stream else api.in_one_piece(api.whole(api.usage))

    async def behave(connection: Connection) -> None:
        await connection.send(*answer)

    async with raw_provider(behave) as server:
        address = server.url.removesuffix("/v1") + api.prefix
        async with provider_at(address, dialect=api.dialect) as provider:
            text, _, error = await outcome(provider, a_call(**api.asks, stream=stream))
        (request,) = server.requests
    assert (text, error) == ("ab", None)
    first, *headers = request.head.decode().lower().split("\r\n")
    assert first == f"post {api.prefix}{api.path} http/1.1"
    assert f"accept: {api.dialect.media_type if stream else 'application/json'}" in headers
    for name, value in api.dialect.headers(KEY).items():
        assert f"{name}: {value}".lower() in headers
    assert request.body["stream"] is stream
