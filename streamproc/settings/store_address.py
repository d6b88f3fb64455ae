"""Where a bill is kept: the two forms of an address."""

from urllib.parse import urlsplit

__all__ = ["SQLITE", "check_store"]

SQLITE = "sqlite:"
"""Before the path of a file."""


def check_store(address: str) -> str:
    """The address itself, when it is one.

    Raises:
        ValueError: it is of no known form, or holds a password, which lists of processes and settings would show.
    """
    if address.startswith(SQLITE) and address != SQLITE:
        return address
    if not address.startswith(("postgresql://", "postgres://")):
        raise ValueError("must be sqlite:PATH or postgresql://USER@HOST:PORT/DATABASE")
    try:
        password = urlsplit(address).password
    except ValueError as exc:
        raise ValueError(f"is no address: {exc}") from exc
    if password or "password=" in address:
        raise ValueError(
            "holds a password, which does not belong there: set STREAMPROC_BILLING__STORE_PASSWORD,"
            " billing.store_password_file or PostgreSQL's own PGPASSFILE"
        )
    return address
