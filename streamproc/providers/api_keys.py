"""The keys of a provider: from variables, or else from files."""

from pathlib import Path

from pydantic import SecretStr

from streamproc.errors import SetupError
from streamproc.settings.provider import ProviderSettings

__all__ = ["MAIN", "api_keys"]

MAIN = "main"
"""Name of the key that stands at the provider itself and not under `credentials`."""


def api_keys(provider: str, settings: ProviderSettings) -> dict[str, str | None]:
    """Each credential's name and key. Without any there is one that is None: the server asks for none.

    Raises:
        SetupError: a key cannot be read, is empty, or no header can carry it; names the setting and never the key.
    """
    place = f"providers.{provider}"
    main = _key(f"{place}.api_key", settings.api_key, settings.api_key_file)
    more = {
        name: _key(f"{place}.credentials.{name}.api_key", own.api_key, own.api_key_file)
        for name, own in settings.credentials.items()
    }
    for name, key in more.items():
        if key is None:
            variable = f"STREAMPROC_PROVIDERS__{provider}__CREDENTIALS__{name}__API_KEY".upper()
            raise SetupError(f"{place}.credentials.{name} has no key: set {variable} or its api_key_file")
    return more if more and main is None else {MAIN: main, **more}


def _key(place: str, value: SecretStr | None, file: Path | None) -> str | None:
    if value is not None:
        key, source = value.get_secret_value().strip(), place
    elif file is not None:
        source = f"{place}_file {file}"
        try:
            key = file.read_text(encoding="utf-8").strip()
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
