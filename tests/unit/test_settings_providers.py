"""What the settings of a provider fill in by themselves, and what they refuse."""

from typing import Any

import pytest
from pydantic import ValidationError

from streamproc.settings.provider import ProviderSettings


def provider(**fields: Any) -> ProviderSettings:
    """With one model."""
    return ProviderSettings.model_validate({"models": ["m"], **fields})


@pytest.mark.parametrize(
    ("kind", "base_url"),
    [
        ("openai_chat", "https://api.openai.com/v1"),
        ("openai_responses", "https://api.openai.com/v1"),
        ("openai_completions", "https://api.openai.com/v1"),
        ("anthropic", "https://api.anthropic.com"),
        ("ollama", "http://localhost:11434"),
    ],
)
def test_the_address_is_the_vendor_s(kind: str, base_url: str) -> None:
    """Unless another one is given."""
    assert provider(kind=kind).base_url == base_url
    assert provider(kind=kind, base_url="http://own/v1").base_url == "http://own/v1"


def test_without_a_kind() -> None:
    """It is Chat Completions at OpenAI."""
    assert (provider().kind, provider().base_url) == ("openai_chat", "https://api.openai.com/v1")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"proxy": "http://proxy:3128"}, 'proxy needs engine = "httpx"'),
        ({"proxy": "http://we:secret@proxy:3128", "engine": "httpx"}, "proxy"),
        ({"proxy": "socks5://proxy", "engine": "httpx"}, "proxy"),
        ({"proxy_user": "we", "proxy_password": "secret"}, "go together, with proxy"),
        ({"proxy": "http://proxy", "engine": "httpx", "proxy_user": "we"}, "go together, with proxy"),
        ({"proxy": "http://proxy", "engine": "httpx", "proxy_password": "secret"}, "go together, with proxy"),
        ({"tls": {"key_file": "key.pem"}}, "tls.key_file needs tls.cert_file"),
        ({"facts": {"gpt-y": {"images": False}}}, "which 'gpt-y' is not"),
        ({"prices": {"gpt-y": {"input_usd": 1, "output_usd": 1}}}, "which 'gpt-y' is not"),
        ({"facts": {"m": {"context_tokens": 0}}}, "context_tokens"),
        ({"kind": "gemini"}, "kind"),
        ({"engine": "aiohttp"}, "engine"),
    ],
)
def test_what_does_not_go_together_is_refused(fields: dict[str, Any], says: str) -> None:
    """With the names of the settings, and without a secret that stands in them."""
    with pytest.raises(ValidationError) as refused:
        provider(**fields)
    assert says in str(refused.value)
    assert "secret" not in str(refused.value)


def test_what_goes_together() -> None:
    """A proxy with and without a login; facts of a model of this provider."""
    assert provider(proxy="http://proxy:3128", engine="httpx").proxy == "http://proxy:3128"
    login = provider(proxy="http://proxy", engine="httpx", proxy_user="we", proxy_password="secret")
    assert "secret" not in repr(login)
    assert provider(facts={"m": {"tools": False}}).facts["m"].tools is False
