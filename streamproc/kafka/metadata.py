"""What stands beside a committed offset: the claim epoch, and which offsets above it are finished already.

With the epoch, attempts grow from owner to owner. With the map, a new owner does not repeat what is done. With the
journal's position, it knows what was lost.
"""

import json
import zlib
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple

from streamproc.errors import SetupError

__all__ = ["MAX_CHARACTERS", "CommitMetadata", "MetadataState", "StoredMetadata", "next_epoch", "read_metadata"]

_VERSION = 1
MAX_CHARACTERS = 4096
"""Kafka's default of `offset.metadata.max.bytes`; the broker counts characters."""

_MAX_MAP_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class CommitMetadata:
    """What an owner leaves to the next one.

    Attributes:
        epoch: of its last claim.
        done: distances from the committed offset to finished ones above it, all at least 1.
        owner: tells the assignment that committed from all others; "" is not known.
        journal: from which offset on the partition's journal has to be read; None: nothing in it is needed.
    """

    epoch: int
    done: frozenset[int] = frozenset()
    owner: str = ""
    journal: int | None = None

    def encode(self) -> str:
        """The text that is committed. Kafka takes it up to `MAX_CHARACTERS`: whoever commits has to see to it."""
        fields = {
            "v": _VERSION,
            "epoch": self.epoch,
            "owner": self.owner or None,
            "journal": self.journal,
            "done": _pack(self.done) or None,
        }
        known = {name: value for name, value in fields.items() if value is not None}
        return json.dumps(known, separators=(",", ":"))

    @classmethod
    def decode(cls, text: str | None) -> "CommitMetadata | None":
        """Reads what `encode` wrote; None when there is nothing.

        Raises:
            SetupError: somebody else committed for this group, a newer version did, or the text is damaged.
        """
        stored = read_metadata(text)
        problem = _PROBLEMS.get(stored.state)
        if problem is not None:
            shown = repr((text or "")[:80])
            raise SetupError(f"the group's committed offset has metadata {problem.format(shown=shown)}")
        return stored.metadata


class MetadataState(Enum):
    """What the text beside a committed offset is. NONE: there is no text; a tool that sets offsets leaves it so."""

    NONE = "none"
    OURS = "ours"
    NEWER = "newer"
    DAMAGED = "damaged"
    FOREIGN = "foreign"


class StoredMetadata(NamedTuple):
    """A text as far as it can be read: `epoch` may be known of what is newer or damaged, `metadata` only of ours."""

    state: MetadataState
    metadata: CommitMetadata | None = None
    epoch: int | None = None


_WAY_OUT = "look at it with `streamproc offsets show`, and drop it with `streamproc offsets reset --to current`"

_PROBLEMS: Mapping[MetadataState, str] = MappingProxyType(
    {
        MetadataState.NEWER: (
            f"of a newer version than this worker reads ({{shown}}; it reads {_VERSION} and {_VERSION + 1}):"
            " start a newer worker"
        ),
        MetadataState.DAMAGED: f"that is damaged: {{shown}}; {_WAY_OUT}",
        MetadataState.FOREIGN: (
            "that is not ours: {shown}; another program seems to use this group: set kafka.group to a name of its own,"
            f" or {_WAY_OUT}"
        ),
    }
)


def read_metadata(text: str | None) -> StoredMetadata:
    """Reads any text that may stand beside a committed offset."""
    if not text:
        return StoredMetadata(MetadataState.NONE)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or type(found.get("v")) is not int or found["v"] < 1:
        # Ours begin so, and one that was cut is no JSON any more.
        is_cut = found is None and text.startswith('{"v":')
        return StoredMetadata(MetadataState.DAMAGED if is_cut else MetadataState.FOREIGN)
    epoch = found.get("epoch")
    if type(epoch) is not int:
        epoch = None
    if found["v"] > _VERSION + 1:
        return StoredMetadata(MetadataState.NEWER, epoch=epoch)
    try:
        done = _unpack(found.get("done", ""))
    except (ValueError, TypeError, Base64Error, zlib.error):
        return StoredMetadata(MetadataState.DAMAGED, epoch=epoch)
    owner, journal = found.get("owner", ""), found.get("journal")
    if epoch is None or type(owner) is not str or not (journal is None or type(journal) is int):
        return StoredMetadata(MetadataState.DAMAGED, epoch=epoch)
    return StoredMetadata(MetadataState.OURS, CommitMetadata(epoch, done, owner, journal), epoch)


def _pack(distances: Iterable[int]) -> str:
    bits = 0
    for distance in distances:
        bits |= 1 << distance
    if not bits:
        return ""
    return b64encode(zlib.compress(bits.to_bytes(bits.bit_length() // 8 + 1, "little"))).decode()


def _unpack(packed: str) -> frozenset[int]:
    if not packed:
        return frozenset()
    unpacker = zlib.decompressobj()
    unpacked = unpacker.decompress(b64decode(packed, validate=True), _MAX_MAP_BYTES)
    if not unpacker.eof:
        raise ValueError("the map is cut, or larger than any window")
    return frozenset(
        byte * 8 + bit for byte, value in enumerate(unpacked) if value for bit in range(8) if value >> bit & 1
    )


def next_epoch(stored: int | None, now: float) -> int:
    """Epoch of a claim: it grows with the clock, and also when a former owner's clock was ahead."""
    return int(now) if stored is None else max(int(now), stored + 1)
