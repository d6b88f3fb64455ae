"""The cache of answers."""

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator

from streamproc.settings.group import Group

__all__ = ["CacheSettings"]


class CacheSettings(Group):
    """Answers that are given again to equal requests of the same tenant."""

    enabled: bool = Field(False, description="Without it every request is a call, whatever its own `cache` says.")
    ttl_seconds: float = Field(3600, gt=0, description="How long an answer is kept when its request does not say.")
    max_ttl_seconds: float = Field(604_800, gt=0, description="A request's own cache_ttl_seconds counts at most this.")
    stale_seconds: float = Field(
        0,
        ge=0,
        description="How long beyond its time an answer is kept, for requests that take one when nobody can answer"
        " (`if_unavailable`).",
    )
    max_memory_bytes: int = Field(64 * 2**20, ge=4096, description="Of this process' own store.")
    max_entry_bytes: int = Field(2**20, ge=1024, description="An answer that has more as JSON is not stored.")
    compress_above_bytes: int = Field(2048, ge=0, description="An answer that has more as JSON is packed by zlib.")
    redis_url: SecretStr | None = Field(
        None, description="Redis that all workers share, redis://HOST:PORT/DB; from a variable only."
    )
    redis_url_file: Path | None = Field(None, description="File that holds the URL.")
    redis_timeout_seconds: float = Field(
        0.1, gt=0, le=10, description="A Redis that takes longer to answer counts as away."
    )
    redis_memory_seconds: float = Field(
        60, gt=0, description="With Redis: how long a process may keep its own copy, also after a purge."
    )

    @model_validator(mode="after")
    def _relations(self) -> Self:
        if self.ttl_seconds > self.max_ttl_seconds:
            raise ValueError("ttl_seconds must not exceed max_ttl_seconds")
        if self.max_entry_bytes > self.max_memory_bytes:
            raise ValueError("max_entry_bytes must not exceed max_memory_bytes")
        return self
