"""Providers from settings, and who answers which model."""

from pathlib import Path
from typing import Any

import pytest

from streamproc.errors import InvalidRequest, SetupError
from streamproc.providers.catalog import Catalog, Resolved
from streamproc.providers.http_provider import HttpProvider
from streamproc.providers.scripted import Scripted
from streamproc.settings.provider import ProviderSettings
from tests.faults.raw_provider import Connection, outcome, raw_provider, response
from tests.unit.providers.calls import a_call


def catalog(**providers: dict[str, Any]) -> Catalog:
    """A catalog of these settings."""
    settings = {name: ProviderSettings.model_validate(fields) for name, fields in providers.items()}
    return Catalog(settings, now=lambda: 0.0)


TWO: dict[str, dict[str, Any]] = {
    "openai": {"models": ["gpt-x", "shared"]},
    "router": {"kind": "scripted", "models": ["shared", "openai/gpt-x", "meta/llama"]},
}


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gpt-x", ("openai", "gpt-x")),
        ("shared", ("openai", "shared")),
        ("router/shared", ("router", "shared")),
        ("openai/gpt-x", ("openai", "gpt-x")),
        ("router/openai/gpt-x", ("router", "openai/gpt-x")),
        ("meta/llama", ("router", "meta/llama")),
    ],
)
def test_who_answers(model: str, expected: tuple[str, str]) -> None:
    """A provider's prefix goes before a bare name, and of bare names the first provider's counts."""
    assert catalog(**TWO).resolve(model) == Resolved(*expected)


@pytest.mark.parametrize("model", ["gpt-y", "openai/meta/llama", "openai/", "/gpt-x", "nobody/gpt-x", "openai"])
def test_model_nobody_has(model: str) -> None:
    """The sentence names what there is."""
    with pytest.raises(InvalidRequest, match="there are: gpt-x, shared, openai/gpt-x, meta/llama") as refused:
        catalog(**TWO).resolve(model)
    assert refused.value.code == "unknown_model"


def test_long_list_of_models_is_cut() -> None:
    """A sentence stays a sentence."""
    many = catalog(a={"models": [f"m{number}" for number in range(50)]})
    with pytest.raises(InvalidRequest, match=r"m19 and 30 more$"):
        many.resolve("x" * 1000)


def test_kinds() -> None:
    """The kind decides which provider is built, and what may be asked of it."""
    built = catalog(**TWO)
    assert isinstance(built.providers["openai"], HttpProvider)
    assert isinstance(built.providers["router"], Scripted)
    request = a_call(extra={"n": 2}).request
    built.check(Resolved("router", "shared"), request, 2**24)
    with pytest.raises(InvalidRequest, match="'n'"):
        built.check(Resolved("openai", "gpt-x"), request, 2**24)


async def test_key_from_a_file_goes_into_the_header(tmp_path: Path) -> None:
    """White space around the key is not part of it."""
    (tmp_path / "key").write_text("sk-from-file\n")

    async def behave(connection: Connection) -> None:
        await connection.send(response("401 Unauthorized", "text/plain", b"sk-from-file"))

    async with raw_provider(behave) as server:
        built = catalog(p={"models": ["m"], "base_url": server.url, "api_key_file": tmp_path / "key"})
        await built.check_reachable()
        await outcome(built.providers["p"], a_call())
        await built.aclose()
        assert b"authorization: bearer sk-from-file\r\n" in server.requests[0].head.lower()


async def test_provider_without_a_key() -> None:
    """A local server needs none, and none is sent."""

    async def behave(connection: Connection) -> None:
        await connection.send(response("500 No", "text/plain", b""))

    async with raw_provider(behave) as server:
        built = catalog(p={"models": ["m"], "base_url": server.url + "/"})
        await outcome(built.providers["p"], a_call())
        await built.aclose()
        assert b"authorization" not in server.requests[0].head.lower()
        assert server.requests[0].head.startswith(b"POST /v1/chat/completions ")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        (b" \n", "is empty"),
        (b"sk-1\nsk-2", "no key"),
        ("schlüssel".encode(), "no key"),
        (b"\xff", "no text"),
    ],
)
def test_key_file_that_is_no_key(tmp_path: Path, content: bytes | None, words: str) -> None:
    """The sentence names the setting and the file, and never shows the key."""
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SetupError, match=words) as wrong:
        catalog(p={"models": ["m"], "api_key_file": path})
    assert "providers.p.api_key_file" in str(wrong.value)
    assert "sk-1" not in str(wrong.value)


@pytest.mark.parametrize("url", ["http:///v1", "http://host:99999999/v1", "http://host:0/v1"])
def test_address_that_is_none(url: str) -> None:
    """A wrong address is seen at start, by the name of its setting; port 0 passed for the usual one."""
    with pytest.raises(SetupError, match=r"providers\.p\.base_url") as wrong:
        catalog(p={"models": ["m"], "base_url": url})
    assert "secret" not in str(wrong.value)


@pytest.mark.parametrize("proxy", ["http://proxy:0", "http://proxy:99999999"])
def test_proxy_that_is_no_address(proxy: str) -> None:
    """The same."""
    with pytest.raises(SetupError, match=r"providers\.p\.proxy"):
        catalog(p={"models": ["m"], "engine": "httpx", "proxy": proxy})


async def test_provider_that_cannot_be_reached(unused_tcp_port: int) -> None:
    """The check at start names the setting, the address and the reason."""
    built = catalog(p={"models": ["m"], "base_url": f"http://127.0.0.1:{unused_tcp_port}/v1"})
    with pytest.raises(SetupError, match=rf"providers\.p\.base_url http://127.0.0.1:{unused_tcp_port}/v1 cannot be"):
        await built.check_reachable()
    await built.aclose()


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example"])
async def test_an_address_that_is_no_host_name(host: str) -> None:
    """The check at the start ended in a traceback."""
    with pytest.raises(SetupError, match=r"providers\.a\.base_url http://.* cannot be reached: "):
        await catalog(a={"models": ["m"], "base_url": f"http://{host}/v1"}).check_reachable()


def test_an_address_of_broken_punycode() -> None:
    """The same, when the URL was read."""
    with pytest.raises(SetupError, match=r"providers\.a\.base_url is no URL"):
        catalog(a={"models": ["m"], "base_url": "https://xn--a/v1"})
