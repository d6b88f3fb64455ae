"""What stands beside a committed offset: the claim epoch, and which offsets above it are finished already.

With the epoch, attempts grow from owner to owner. With the map, a new owner does not repeat what is done.
"""

import json
import zlib
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable
from dataclasses import dataclass

from streamproc.errors import SetupError

__all__ = ["MAX_CHARACTERS", "CommitMetadata", "next_epoch"]

_VERSION = 1
MAX_CHARACTERS = 4096
"""Kafka's default of `offset.metadata.max.bytes`; the broker counts characters."""

_MAX_MAP_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class CommitMetadata:
    """`done` are distances from the committed offset to finished ones above it, all at least 1."""

    epoch: int
    done: frozenset[int] = frozenset()

    def encode(self) -> str:
        """The text that is committed, at most `MAX_CHARACTERS` long.

        A map that does not fit is left out: what it says would then be done again, not lost. The window's cap of
        16,000 offsets makes any map fit, unless a topic has huge gaps.
        """
        whole = self._encode(_pack(self.done))
        return whole if len(whole) <= MAX_CHARACTERS else self._encode("")

    def _encode(self, packed: str) -> str:
        fields = {"v": _VERSION, "epoch": self.epoch} | ({"done": packed} if packed else {})
        return json.dumps(fields, separators=(",", ":"))

    @classmethod
    def decode(cls, text: str | None) -> "CommitMetadata | None":
        """Reads what `encode` wrote; None when there is nothing.

        Raises:
            SetupError: somebody else committed for this group, or a newer version did.
        """
        if not text:
            return None
        try:
            found = json.loads(text)
            version, epoch = found["v"], found["epoch"]
            known = version in (_VERSION, _VERSION + 1) and isinstance(epoch, int)
            done = _unpack(found.get("done", "")) if known else frozenset[int]()
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, Base64Error, zlib.error) as exc:
            raise SetupError(
                f"the group's committed offset carries metadata that is not ours: {text[:80]!r};"
                " another program seems to use this group: set kafka.group to a name of its own"
            ) from exc
        if not known:
            raise SetupError(
                f"the group's committed offset has metadata of version {version!r}, this worker reads"
                f" {_VERSION} and {_VERSION + 1}: start a newer worker"
            )
        return cls(epoch, done)


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


def next_epoch(stored: CommitMetadata | None, now: float) -> int:
    """Epoch of a claim: it grows with the clock, and also when a former owner's clock was ahead."""
    return int(now) if stored is None else max(int(now), stored.epoch + 1)
