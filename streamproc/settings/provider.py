"""Providers: where they are, what they answer, with which keys and deadlines."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, model_validator

from streamproc.settings.call_limits import CallLimitSettings
from streamproc.settings.group import Group
from streamproc.settings.prices import PriceSettings

__all__ = ["CredentialSettings", "FactSettings", "ProviderKind", "ProviderSettings", "TimeoutSettings", "TlsSettings"]

ProviderKind = Literal["openai_chat", "openai_responses", "openai_completions", "anthropic", "ollama", "scripted"]

_BASE_URLS = {"anthropic": "https://api.anthropic.com", "ollama": "http://localhost:11434"}


class TimeoutSettings(Group):
    """Deadlines of one HTTP call."""

    connect_seconds: float = Field(5, gt=0, description="To a connection.")
    first_byte_seconds: float = Field(60, gt=0, description="From the request to the response's headers.")
    idle_seconds: float = Field(30, gt=0, description="Between two events; comments and pings are no progress.")
    total_seconds: float = Field(120, gt=0, description="For the whole call.")


class CredentialSettings(Group):
    """One more credential of a provider."""

    api_key: SecretStr | None = Field(None, description="From a variable only.")
    api_key_file: Path | None = Field(None, description="File that holds the key.")
    limits: CallLimitSettings | None = Field(None, description="Of this credential; default the provider's.")


class FactSettings(Group):
    """What a model can do; what is not said is not known, and left to the provider to refuse."""

    context_tokens: int | None = Field(None, ge=1, description="Size of its context, prompt and answer together.")
    max_output_tokens: int | None = Field(None, ge=1, description="The most it answers.")
    images: bool | None = Field(None, description="Whether it takes images.")
    tools: bool | None = Field(None, description="Whether it calls tools.")
    json_schema: bool | None = Field(None, description="Whether it follows a JSON Schema.")
    dimensions: int | None = Field(None, ge=1, le=8192, description="Numbers of a vector that it makes of a text.")


class TlsSettings(Group):
    """Files in PEM form."""

    ca_file: Path | None = Field(None, description="Certificate authorities to trust; default the system's.")
    cert_file: Path | None = Field(None, description="Our own certificate, where the server asks for one.")
    key_file: Path | None = Field(None, description="Its key, without a password; default in cert_file.")


class ProviderSettings(Group):
    """An outside service and its models."""

    kind: ProviderKind = Field("openai_chat", description="Wire format.")
    base_url: str = Field(
        "https://api.openai.com/v1",
        pattern=r"^https?://[^\s@?#]+$",
        description="OpenAI's kinds: up to and without /chat; others: without a path. Default: the vendor's own.",
    )
    models: tuple[str, ...] = Field(..., min_length=1, description="Names of models this provider answers.")
    api_key: SecretStr | None = Field(None, description="From a variable only.")
    api_key_file: Path | None = Field(None, description="File that holds the key.")
    credentials: dict[str, CredentialSettings] = Field(
        default_factory=dict, description="More keys, by names of your own; calls take turns over all."
    )
    limits: CallLimitSettings = Field(
        default_factory=lambda: CallLimitSettings(), description="Of each credential by itself."
    )
    facts: dict[str, FactSettings] = Field(default_factory=dict, description="What is known of models, by model.")
    price_provider: str | None = Field(
        None, description="Whose price list applies (a provider id of genai-prices); default: found by base_url."
    )
    prices: dict[str, PriceSettings] = Field(default_factory=dict, description="Own prices by model.")
    image_tokens: int | None = Field(
        None,
        ge=0,
        description="Most input tokens of one image; default by the published rules of OpenAI and Anthropic.",
    )
    max_tokens_field: Literal["max_completion_tokens", "max_tokens"] = Field(
        "max_completion_tokens", description="What this server calls the output limit."
    )
    max_connections: int = Field(1000, ge=1, description="Connections of this process to the provider.")
    keep_alive: bool = Field(
        True, description="Use connections again; turn it off for a server that hangs up after each answer (llama.cpp)."
    )
    engine: Literal["httptools", "httpx"] = Field(
        "httptools", description="HTTP engine: our own, or httpx for proxies, and with the extra http2 for HTTP/2."
    )
    proxy: str | None = Field(
        None, pattern=r"^https?://[^\s@/?#]+$", description="URL of an HTTP proxy, for the engine httpx."
    )
    proxy_user: str | None = Field(None, description="Our name there, where it asks for one.")
    proxy_password: SecretStr | None = Field(None, description="From a variable only.")
    proxy_password_file: Path | None = Field(None, description="File that holds the proxy's password.")
    tls: TlsSettings = Field(default_factory=lambda: TlsSettings(), description="For https.")
    check_at_start: bool = Field(True, description="Refuse to start while this provider's address is unreachable.")
    timeouts: TimeoutSettings = Field(default_factory=lambda: TimeoutSettings(), description="Of one call.")

    @model_validator(mode="before")
    @classmethod
    def _address_of_the_vendor(cls, values: Any) -> Any:
        if isinstance(values, dict) and "base_url" not in values and values.get("kind") in _BASE_URLS:
            return {**values, "base_url": _BASE_URLS[values["kind"]]}
        return values

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.proxy is not None and self.engine != "httpx":
            raise ValueError('proxy needs engine = "httpx"')
        has_password = self.proxy_password is not None or self.proxy_password_file is not None
        if has_password != (self.proxy_user is not None) or (has_password and self.proxy is None):
            raise ValueError("proxy_user and proxy_password go together, with proxy")
        if self.tls.key_file is not None and self.tls.cert_file is None:
            raise ValueError("tls.key_file needs tls.cert_file")
        unknown = [name for name in (*self.facts, *self.prices) if name not in self.models]
        if unknown:
            raise ValueError(f"facts and prices are for models of this provider, which {unknown[0]!r} is not")
        return self
