"""TLS of a provider's connections: whom to trust, and who we are."""

import ssl

from streamproc.errors import SetupError
from streamproc.settings.provider import TlsSettings

__all__ = ["context_of"]


def context_of(provider: str, settings: TlsSettings) -> ssl.SSLContext:
    """The context with these files; without any it trusts whom the system trusts.

    Raises:
        SetupError: a file cannot be read or is not what it should be; names the setting.
    """
    place = f"providers.{provider}.tls"
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except OSError as exc:  # ssl.SSLError is one
        raise SetupError(f"{place}.ca_file {settings.ca_file}: {exc.strerror or exc}") from exc
    if settings.cert_file is not None:
        try:
            # An encrypted key is refused instead of asking a terminal that may not be there.
            context.load_cert_chain(settings.cert_file, settings.key_file, password="")
        except OSError as exc:
            raise SetupError(
                f"{place}.cert_file {settings.cert_file} and key_file {settings.key_file}: {exc.strerror or exc}"
            ) from exc
    return context
