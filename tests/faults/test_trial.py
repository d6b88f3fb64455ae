"""Trials of `streamproc providers check` against servers that refuse one way of asking, or one credential."""

from typing import Any

import pytest

from streamproc.providers.catalog import Catalog
from streamproc.providers.trial import Trial, attempt
from streamproc.settings.provider import ProviderSettings
from tests.faults.raw_provider import DONE, END, FINISH, STREAM, Connection, raw_provider, response, token

ANSWER = (STREAM, token("a"), FINISH, DONE, END)
VECTOR = b'{"data": [{"index": 0, "embedding": [0.5, 1.5]}], "usage": {"prompt_tokens": 2}}'


async def trials(url: str, **fields: Any) -> list[Trial]:
    """One trial of the model `m` with each credential of a provider `p`."""
    settings = ProviderSettings.model_validate({"models": ["m"], "base_url": url, **fields})
    catalog = Catalog({"p": settings}, now=lambda: 0.0)
    try:
        return [await attempt(provider, credential, "m", 5) for credential, provider in catalog.credentials["p"]]
    finally:
        await catalog.aclose()


@pytest.mark.parametrize("status", ["400 Bad Request", "403 Forbidden", "404 Not Found", "501 Not Implemented"])
async def test_a_model_that_makes_embeddings_and_nothing_else(status: str) -> None:
    """It was told not to work, because it answers no conversation."""

    async def behave(connection: Connection) -> None:
        if b"/embeddings" in connection.head:
            await connection.send(response("200 OK", "application/json", VECTOR))
        else:
            await connection.send(response(status, "application/json", b'{"error": {"message": "no chat model"}}'))

    async with raw_provider(behave) as server:
        (trial,) = await trials(server.url)
    assert trial.problem is None
    assert trial.usage is not None
    assert trial.usage.input == 2


async def test_a_model_that_is_not_there_is_told_as_it_was_first() -> None:
    """The second question must not hide the answer to the first."""

    async def behave(connection: Connection) -> None:
        said = b"embeddings" if b"/embeddings" in connection.head else b"model"
        await connection.send(response("404 Not Found", "application/json", b'{"error": {"message": "no %b"}}' % said))

    async with raw_provider(behave) as server:
        (trial,) = await trials(server.url)
    assert (trial.problem or "").startswith("p answered 404: no model; see whether providers.p.models")


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
async def test_a_busy_provider_is_not_asked_twice(status: str) -> None:
    """It says nothing about the model."""

    async def behave(connection: Connection) -> None:
        await connection.send(response(status, "application/json", b"{}"))

    async with raw_provider(behave) as server:
        (trial,) = await trials(server.url)
        assert len(server.requests) == 1
    assert trial.problem is not None


async def test_each_credential_is_tried() -> None:
    """Only the first one was: a wrong second key was seen when every other call failed."""

    async def behave(connection: Connection) -> None:
        good = b"sk-good" in connection.head
        await connection.send(*(ANSWER if good else (response("401 Unauthorized", "application/json", b"{}"),)))

    async with raw_provider(behave) as server:
        first, second = await trials(server.url, api_key="sk-good", credentials={"team_b": {"api_key": "sk-wrong"}})
    assert (first.credential, first.problem) == ("main", None)
    assert second.credential == "team_b"
    assert second.problem == (
        "p answered 401; set a key that may use this model:"
        " STREAMPROC_PROVIDERS__P__CREDENTIALS__TEAM_B__API_KEY or providers.p.credentials.team_b.api_key_file"
    )
