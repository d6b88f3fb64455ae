"""Billing: where the bill is kept, and who may look at the job that fills it."""

from pathlib import Path

from pydantic import Field, SecretStr, field_validator

from streamproc.settings.group import Group
from streamproc.settings.store_address import check_store

__all__ = ["BillingSettings"]


class BillingSettings(Group):
    """The store of the bill, and the job that reads the usage topic into it."""

    store: str = Field(
        "sqlite:billing.sqlite",
        description="sqlite:PATH, or postgresql://USER@HOST:PORT/DATABASE without a password.",
    )
    store_password: SecretStr | None = Field(None, description="Of PostgreSQL; from a variable only.")
    store_password_file: Path | None = Field(None, description="File that holds the password of PostgreSQL.")
    skip_unreadable: bool = Field(
        False, description="Go on behind a usage record that cannot be read; it is noted. Without it the job stops."
    )
    metrics_port: int = Field(9465, ge=0, le=65_535, description="Of a job that runs on; 0 takes a free port.")

    @field_validator("store")
    @classmethod
    def _is_an_address(cls, store: str) -> str:
        return check_store(store)
