"""Limits that all workers hold together."""

from pathlib import Path

from pydantic import Field, SecretStr

from streamproc.settings.group import Group

__all__ = ["SharedLimitSettings"]


class SharedLimitSettings(Group):
    """Where workers lease their parts of the limits of credentials and tenants; without it each has the whole."""

    redis_url: SecretStr | None = Field(
        None, description="Redis that all workers share, redis://HOST:PORT/DB; from a variable only."
    )
    redis_url_file: Path | None = Field(None, description="File that holds the URL.")
    redis_timeout_seconds: float = Field(
        1.0, gt=0, le=10, description="A Redis that takes longer to answer counts as away."
    )
