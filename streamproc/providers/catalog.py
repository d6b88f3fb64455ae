"""The providers of the settings, and which of them answers a model."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from streamproc.chain.provider import Provider
from streamproc.providers.api_keys import MAIN, api_keys
from streamproc.providers.connections import Connections, joined
from streamproc.providers.dialects import spoken
from streamproc.providers.facts import check_facts
from streamproc.providers.http_provider import HttpProvider
from streamproc.providers.resolved import Resolved, resolved
from streamproc.providers.scripted import Scripted, echo
from streamproc.providers.tls import context_of
from streamproc.providers.transport import Transport
from streamproc.records.request import Request
from streamproc.settings.provider import FactSettings, ProviderSettings
from streamproc.settings.secret import read_secret

__all__ = ["Catalog", "Credential", "Resolved"]


_NO_FACTS = FactSettings()


class Credential(NamedTuple):
    """A credential's name in the settings, and the provider as it is seen with it."""

    name: str
    provider: Provider


class Catalog:
    """All providers by name, each with its credentials; it owns their connections."""

    def __init__(self, settings: Mapping[str, ProviderSettings], *, now: Callable[[], float]) -> None:
        """Builds the providers and reads their key files; opens no connection. `now` gives unix time in seconds.

        Raises:
            SetupError: a key, a file for TLS or an address is wrong; the sentence names the setting and never the key.
        """
        self._models = {name: provider.models for name, provider in settings.items()}
        self._transports: dict[str, list[Transport]] = {}
        self._checked: list[Transport] = []
        self._facts = {name: provider.facts for name, provider in settings.items()}
        self._http: dict[str, HttpProvider] = {}
        self.credentials: Mapping[str, Sequence[Credential]] = {
            name: self._built(name, provider, now) for name, provider in settings.items()
        }
        self.providers: Mapping[str, Provider] = {
            name: several[0].provider for name, several in self.credentials.items()
        }
        """Each as it is seen with its first credential."""

    def resolve(self, model: str) -> Resolved:
        """Who answers this model: `provider/model`, or a bare name of the first provider that has it.

        Raises:
            InvalidRequest: nobody does; names the models that are there.
        """
        return resolved(self._models, model)

    def check(self, answerer: Resolved, request: Request, max_answer_characters: int) -> None:
        """Refuses what this provider and this model could not be asked, and an answer that would be too long.

        Raises:
            InvalidRequest: names what is refused.
        """
        if (over_http := self._http.get(answerer.provider)) is not None:
            over_http.check(request)
        facts = self._facts[answerer.provider].get(answerer.model, _NO_FACTS)
        check_facts(answerer.model, facts, request, max_answer_characters)

    async def check_reachable(self) -> None:
        """Opens and closes a connection to each provider that asks for it, so that a wrong address is seen at start.

        Raises:
            SetupError: one cannot be reached; names the setting and the reason.
        """
        for transport in self._checked:
            await transport.check_reachable()

    def connections(self) -> Mapping[str, Connections]:
        """The connections of each provider over HTTP; another thread may ask."""
        return {
            name: joined(transport.connections for transport in transports)
            for name, transports in self._transports.items()
        }

    async def aclose(self) -> None:
        """Closes all connections. End the calls first: one that still runs may notice only by its deadlines."""
        for transport in chain.from_iterable(self._transports.values()):
            await transport.aclose()

    def _built(self, name: str, settings: ProviderSettings, now: Callable[[], float]) -> Sequence[Credential]:
        if settings.kind == "scripted":
            return [Credential(MAIN, Scripted(name, echo(), asyncio.sleep))]
        dialects = spoken(settings)
        made = []
        tls = context_of(name, settings.tls) if settings.base_url.startswith("https:") else None
        password = read_secret(
            settings.proxy_password, settings.proxy_password_file, f"providers.{name}.proxy_password"
        )
        for credential, key in api_keys(name, settings).items():
            transport = Transport(
                provider=name,
                base_url=settings.base_url,
                headers=dialects.answers.headers(key),
                timeouts=settings.timeouts,
                max_connections=settings.max_connections,
                keep_alive=settings.keep_alive,
                engine=settings.engine,
                tls=tls,
                proxy=settings.proxy,
                proxy_login=(settings.proxy_user, password) if settings.proxy_user and password else None,
                secrets=[secret for secret in (key, password) if secret is not None],
            )
            self._transports.setdefault(name, []).append(transport)
            provider = HttpProvider(name, dialects.answers, transport, now=now, embeddings=dialects.embeddings)
            self._http[name] = provider
            made.append(Credential(credential, provider))
        if settings.check_at_start:
            self._checked.append(self._transports[name][0])
        return made
