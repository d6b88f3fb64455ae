"""The URL of a server, taken apart: what a connection and a request line need of it."""

from typing import NamedTuple, Self
from urllib.parse import quote, urlsplit

from streamproc.errors import SetupError

__all__ = ["ServerUrl"]

_PORTS = {"http": 80, "https": 443}
_KEPT_IN_PATH = "/%!$&'()*+,;:=@[]|~"


class ServerUrl(NamedTuple):
    """An HTTP server.

    Attributes:
        is_tls: whether it is spoken to over TLS.
        host: name or address, as DNS and certificates have it.
        port: of TCP.
        path: before that of each request, without a slash at its end.
    """

    is_tls: bool
    host: str
    port: int
    path: str

    @classmethod
    def read(cls, place: str, url: str) -> Self:
        """Takes it apart; `place` is the name of the setting it stands in.

        Raises:
            SetupError: it is no URL of an HTTP server.
        """
        try:
            parts = urlsplit(url)
            host = _ascii(parts.hostname or "")
            port = _PORTS.get(parts.scheme, 0) if parts.port is None else parts.port
        except ValueError as exc:  # UnicodeError is one
            raise SetupError(f"{place} is no URL: {exc}") from exc
        if not (host and port and parts.scheme in _PORTS) or parts.username is not None:
            raise SetupError(f"{place} must look like https://host/path, without a user name")
        return cls(parts.scheme == "https", host, port, quote(parts.path.rstrip("/"), safe=_KEPT_IN_PATH))

    @property
    def authority(self) -> str:
        """Host and port as a header says them: an address of IPv6 in brackets, the usual port left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS["https" if self.is_tls else "http"] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """The URL without the path, in ASCII."""
        return f"{'https' if self.is_tls else 'http'}://{self.authority}"


def _ascii(host: str) -> str:
    """A name in other letters as DNS has it (IDNA); one that is so already must be readable."""
    if not host.isascii():
        return host.encode("idna").decode("ascii")
    for label in host.split("."):
        if label.startswith("xn--"):
            label.encode("ascii").decode("idna")
    return host
