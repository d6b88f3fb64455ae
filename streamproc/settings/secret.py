"""Secrets: from a variable or from a file, never from the settings file."""

from pathlib import Path

from pydantic import SecretStr

from streamproc.errors import SetupError

__all__ = ["SECRETS", "read_secret"]

SECRETS = ("api_key", "proxy_password", "redis_url", "sasl_password", "store_password", "webhook_url")
"""Names of settings that hold one."""


def read_secret(value: SecretStr | None, file: Path | None, place: str) -> str | None:
    """The secret itself: the variable's value, else the file's content without white space around it.

    Raises:
        SetupError: the file cannot be read or is empty.
    """
    if value is not None:
        return value.get_secret_value()
    if file is None:
        return None
    try:
        content = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise SetupError(f"cannot read {place}_file {file}: {exc}") from exc
    if not content:
        raise SetupError(f"{place}_file {file} is empty")
    return content
