"""Time zones by name."""

from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

__all__ = ["zone_of"]


def zone_of(name: str) -> tzinfo:
    """A time zone by its name in the IANA database, such as Europe/Berlin.

    Raises:
        ValueError: the database has none of this name, or this machine has no database.
    """
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        raise ValueError(
            f"{name!r} is no time zone that this machine knows; names look like Europe/Berlin,"
            " and the package tzdata has them where the system has none"
        ) from exc
