"""The providers of the settings, and which of them answers a model."""

import asyncio
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from streamproc.chain.provider import Provider
from streamproc.errors import InvalidRequest, SetupError
from streamproc.providers.http_provider import HttpProvider
from streamproc.providers.openai_chat import OpenAIChat
from streamproc.providers.scripted import Scripted, echo
from streamproc.providers.transport import Transport
from streamproc.records.request import Request
from streamproc.settings import ProviderSettings

__all__ = ["Catalog", "Resolved"]

_NAMED_IN_SENTENCES = 20
_OPENAI_HOST = "api.openai.com"


class Resolved(NamedTuple):
    """Who answers: the provider's name in the settings, and the provider's own name of the model."""

    provider: str
    model: str


class Catalog:
    """All providers by name; it owns their connections."""

    def __init__(self, settings: Mapping[str, ProviderSettings], *, now: Callable[[], float]) -> None:
        """Builds the providers and reads their key files; opens no connection. `now` gives unix time in seconds.

        Raises:
            SetupError: a key or an address is wrong; the sentence names the setting and never the key.
        """
        self._models = {name: provider.models for name, provider in settings.items()}
        self._transports: list[Transport] = []
        self._checked: list[Transport] = []
        self.providers: Mapping[str, Provider] = {
            name: self._built(name, provider, now) for name, provider in settings.items()
        }

    def resolve(self, model: str) -> Resolved:
        """Who answers this model: `provider/model`, or a bare name of the first provider that has it.

        Raises:
            InvalidRequest: nobody does; names the models that are there.
        """
        prefix, _, rest = model.partition("/")
        if rest and rest in self._models.get(prefix, ()):
            return Resolved(prefix, rest)
        for name, models in self._models.items():
            if model in models:
                return Resolved(name, model)
        known = list(dict.fromkeys(known for models in self._models.values() for known in models))
        more = f" and {len(known) - _NAMED_IN_SENTENCES} more" if len(known) > _NAMED_IN_SENTENCES else ""
        raise InvalidRequest(
            f"model {model[:100]!r} is not configured; there are: {', '.join(known[:_NAMED_IN_SENTENCES])}{more}",
            code="unknown_model",
        )

    def check(self, provider: str, request: Request) -> None:
        """Refuses what this provider could not be asked.

        Raises:
            InvalidRequest: names the options that are refused.
        """
        found = self.providers[provider]
        if isinstance(found, HttpProvider):
            found.dialect.check(request)

    async def check_reachable(self) -> None:
        """Opens and closes a connection to each provider that asks for it, so that a wrong address is seen at start.

        Raises:
            SetupError: one cannot be reached; names the setting and the reason.
        """
        for transport in self._checked:
            await transport.check_reachable()

    async def aclose(self) -> None:
        """Closes all connections. End the calls first: one that still runs may notice only by its deadlines."""
        for transport in self._transports:
            await transport.aclose()

    def _built(self, name: str, settings: ProviderSettings, now: Callable[[], float]) -> Provider:
        if settings.kind == "scripted":
            return Scripted(name, echo(), asyncio.sleep)
        key = _api_key(name, settings)
        dialect = OpenAIChat(
            output_limit_field=settings.max_tokens_field,
            omit_obfuscation=urlsplit(settings.base_url).hostname == _OPENAI_HOST,
        )
        transport = Transport(
            provider=name,
            base_url=settings.base_url,
            headers=dialect.headers(key),
            timeouts=settings.timeouts,
            max_connections=settings.max_connections,
            keep_alive=settings.keep_alive,
            engine=settings.engine,
            secrets=() if key is None else (key,),
        )
        self._transports.append(transport)
        if settings.check_at_start:
            self._checked.append(transport)
        return HttpProvider(name, dialect, transport, now=now)


def _api_key(name: str, settings: ProviderSettings) -> str | None:
    """The key from its variable, or else from its file; None when neither is set."""
    if settings.api_key is not None:
        key, source = settings.api_key.get_secret_value().strip(), f"providers.{name}.api_key"
    elif settings.api_key_file is not None:
        source = f"providers.{name}.api_key_file {settings.api_key_file}"
        try:
            key = settings.api_key_file.read_text(encoding="utf-8").strip()
        except OSError as exc:
            raise SetupError(f"cannot read {source}: {exc.strerror or exc}") from exc
        except UnicodeDecodeError:
            # Without its cause, which would show the bytes.
            raise SetupError(f"{source} holds no text") from None
    else:
        return None
    if not key:
        raise SetupError(f"{source} is empty")
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise SetupError(f"{source} is no key: it holds characters that no header can carry")
    return key
