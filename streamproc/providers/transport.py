"""The HTTP client of the providers: address, credentials and connections of one of them."""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from typing import Literal

from streamproc.errors import SetupError
from streamproc.providers.connections import Faults
from streamproc.providers.http_pool import PoolState
from streamproc.providers.server_url import ServerUrl
from streamproc.providers.transport_engine import Asked, Engine
from streamproc.providers.transport_exchange import Exchange
from streamproc.providers.transport_httptools import HttptoolsEngine
from streamproc.providers.way import ProxyAddress, open_way
from streamproc.settings.provider import TimeoutSettings

__all__ = ["Transport"]


class Transport:
    """A provider's address, credentials and connections. Its `repr` shows none of the headers."""

    def __init__(
        self,
        *,
        provider: str,
        base_url: str,
        headers: Mapping[str, str],
        timeouts: TimeoutSettings,
        max_connections: int,
        keep_alive: bool = True,
        engine: Literal["httptools", "httpx"] = "httptools",
        tls: ssl.SSLContext | None = None,
        proxy: str | None = None,
        proxy_login: tuple[str, str] | None = None,
        secrets: Sequence[str] = (),
    ) -> None:
        """Opens no connection yet.

        Args:
            provider: name in the settings, for errors.
            base_url: what `post` puts before its path.
            headers: sent with each request, the credentials among them.
            timeouts: deadlines of one call.
            max_connections: more calls than this wait for a connection, within the connect deadline.
            keep_alive: whether a connection is used again; one that its server closes without a word may lose a call.
            engine: who makes the connections.
            tls: for https, and for nothing else; None trusts whom the system trusts.
            proxy: URL of an HTTP proxy, for the engine httpx.
            proxy_login: our name and password there.
            secrets: texts that `redact` takes out.

        Raises:
            SetupError: the address, or the proxy's, is no URL of an HTTP server.
        """
        self._provider = provider
        self._timeouts = timeouts
        self._secrets = tuple(secret for secret in secrets if secret)
        self._base_url = base_url.rstrip("/")
        self._url = ServerUrl.read(f"providers.{provider}.base_url", self._base_url)
        self._proxy = None if proxy is None else _proxy_address(provider, proxy, proxy_login)
        self._faults = Faults()
        self._targets: dict[str, bytes] = {}
        self._headers = (
            (b"host", self._url.authority.encode()),
            (b"content-type", b"application/json"),
            (b"accept-encoding", b"identity"),
            (b"user-agent", b"streamproc"),
            *((name.lower().encode("ascii"), value.encode("ascii")) for name, value in headers.items()),
        )
        context = (tls or ssl.create_default_context()) if self._url.is_tls else None
        self._engine: Engine
        if engine == "httpx":
            # Only here: its import takes a fifth of a second, and a worker that is started anew has readers waiting.
            from streamproc.providers.transport_httpx import HttpxEngine  # noqa: PLC0415 see above

            self._engine = HttpxEngine(
                self._url.origin,
                tls=context,
                proxy=proxy,
                proxy_login=proxy_login,
                max_connections=max_connections,
                keep_alive=keep_alive,
            )
        else:
            self._engine = HttptoolsEngine(
                self._url.host, self._url.port, tls=context, max_connections=max_connections, keep_alive=keep_alive
            )

    def __repr__(self) -> str:
        return f"<Transport {self._provider} {self._base_url}>"

    @property
    def connections(self) -> tuple[PoolState | None, Mapping[str, int]]:
        """Its connections, None when the engine does not tell, and the failures so far by code; for any thread."""
        return self._engine.state, self._faults.by_code

    def redact(self, text: str) -> str:
        """The text without our credentials, in case the provider echoes them."""
        for secret in self._secrets:
            text = text.replace(secret, "[redacted]")
        return text

    def post(self, path: str, body: bytes, *, stream_type: str | None, call_id: str) -> "Exchange":
        """A POST of JSON, to be entered with `async with`.

        `call_id` is our name of the call, told so that the provider's logs and ours can be laid side by side (OpenAI:
        https://platform.openai.com/docs/api-reference/debugging-requests).
        `stream_type` is the media type of a streamed answer. Without one (None) the answer is computed before its first
        byte, so only the total deadline applies.
        """
        target = self._targets.get(path)
        if target is None:
            target = self._targets[path] = (self._url.path + path).encode()
        timeouts = self._timeouts
        asked = Asked(
            target,
            (
                *self._headers,
                (b"accept", (stream_type or "application/json").encode()),
                (b"content-length", b"%d" % len(body)),
                (b"x-client-request-id", call_id.encode()),
            ),
            body,
            timeouts.connect_seconds,
            timeouts.first_byte_seconds if stream_type is not None else None,
        )
        return Exchange(
            self._engine,
            asked,
            provider=self._provider,
            total_seconds=timeouts.total_seconds,
            idle_seconds=timeouts.idle_seconds if stream_type is not None else None,
            faults=self._faults,
            redact=self.redact,
        )

    async def check_reachable(self) -> None:
        """Opens a connection, through the proxy where there is one, and closes it again; sends no request.

        Raises:
            SetupError: nobody takes it; names the settings and the reason.
        """
        url = self._url
        try:
            async with asyncio.timeout(self._timeouts.connect_seconds):
                await open_way(url.host, url.port, is_tls=url.is_tls, proxy=self._proxy)
        except (OSError, UnicodeError) as exc:  # TimeoutError is an OSError; a name like `a..b` a UnicodeError
            reason = (
                "no answer in time" if isinstance(exc, TimeoutError) else getattr(exc, "strerror", None) or str(exc)
            )
            place = f"providers.{self._provider}"
            through = "" if self._proxy is None else f" through {place}.proxy {self._proxy.host}:{self._proxy.port}"
            raise SetupError(f"{place}.base_url {self._base_url} cannot be reached{through}: {reason}") from exc

    async def aclose(self) -> None:
        """Closes all connections. End the calls first: one that still runs may notice only by its deadlines."""
        await self._engine.aclose()


def _proxy_address(provider: str, proxy: str, login: tuple[str, str] | None) -> ProxyAddress:
    url = ServerUrl.read(f"providers.{provider}.proxy", proxy)
    return ProxyAddress(url.host, url.port, url.is_tls, login)
