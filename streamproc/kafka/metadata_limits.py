"""How much text the brokers keep beside a committed offset, beside how much a window may need there."""

from collections.abc import Mapping

from streamproc.kafka.metadata import MAX_CHARACTERS, CommitMetadata

__all__ = ["OFFSET_METADATA", "find_small_metadata", "most_characters"]

OFFSET_METADATA = "offset.metadata.max.bytes"
"""Name of the setting of a broker."""

_PASSED_BY_A_POLL = 100
_LONGEST_WITHOUT_MAP = len(CommitMetadata(epoch=2**40, owner="0" * 16, journal=2**63).encode()) + len(',"done":""')


def most_characters(max_window: int) -> int:
    """The longest metadata of a window whose span has this bound; windows stop growing before `MAX_CHARACTERS`."""
    map_bytes = (max_window + _PASSED_BY_A_POLL) // 8 + 1
    packed_bytes = map_bytes + 5 * (map_bytes // 2**14 + 1) + 6  # what zlib cannot make smaller grows by so much
    return min(_LONGEST_WITHOUT_MAP + 4 * (packed_bytes // 3 + 1), MAX_CHARACTERS)


def find_small_metadata(configs: Mapping[str, Mapping[str, str]], max_window: int) -> list[str]:
    """One sentence for each broker that would refuse an offset with its metadata; `configs` are settings by broker.

    A refused offset would break the transaction of its partition again and again, as soon as many runs are finished
    behind one that is not.
    """
    needed = most_characters(max_window)
    return [
        f"broker {name} keeps at most {limit} characters beside an offset ({OFFSET_METADATA}), but with"
        f" worker.max_window {max_window} it may be {needed}: raise it, or lower worker.max_window"
        for name, config in configs.items()
        if (limit := config.get(OFFSET_METADATA)) is not None and int(limit) < needed
    ]
