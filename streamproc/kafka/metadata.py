"""What stands beside a committed offset: the claim epoch, so that attempts grow from owner to owner."""

import json
from dataclasses import dataclass

from streamproc.errors import SetupError

__all__ = ["CommitMetadata", "next_epoch"]

_VERSION = 1


@dataclass(frozen=True, slots=True)
class CommitMetadata:
    """Text of at most 4,096 characters (Kafka's `offset.metadata.max.bytes`)."""

    epoch: int

    def encode(self) -> str:
        """The text that is committed."""
        return json.dumps({"v": _VERSION, "epoch": self.epoch}, separators=(",", ":"))

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
        except (ValueError, KeyError, TypeError, RecursionError) as exc:
            raise SetupError(
                f"the group's committed offset carries metadata that is not ours: {text[:80]!r};"
                " another program seems to use this group: set kafka.group to a name of its own"
            ) from exc
        if version not in (_VERSION, _VERSION + 1) or not isinstance(epoch, int):
            raise SetupError(
                f"the group's committed offset has metadata of version {version!r}, this worker reads"
                f" {_VERSION} and {_VERSION + 1}: start a newer worker"
            )
        return cls(epoch)


def next_epoch(stored: CommitMetadata | None, now: float) -> int:
    """Epoch of a claim: it grows with the clock, and also when a former owner's clock was ahead."""
    return int(now) if stored is None else max(int(now), stored.epoch + 1)
