"""What the workers of one group have to agree on: the topics they write to.

It is part of their assignor's name, and Kafka lets nobody into a group who shares no assignor with its members. So
workers that disagree are told apart before one of them has a partition, and nothing is stored that could grow old.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from streamproc.kafka.committed import GroupState

__all__ = ["Agreement"]

_BEGIN = "streamproc-1-"
"""The number grows when workers of the former version must not share a group with those of the next."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """One worker's side of it; `topics` are the topics it writes to, by their roles."""

    topics: Mapping[str, str]

    @property
    def protocol(self) -> str:
        """Name of the assignor: a short digest for each role, so that the other side can tell which one differs."""
        return _BEGIN + "-".join(_digest(self.topics[role]) for role in sorted(self.topics))

    def explain(self, group: str, state: GroupState) -> str:
        """One sentence on why a group that is in this state does not take us in."""
        if not state.protocol:
            return f"the workers of group {group} have other topics than this one: give it their settings"
        theirs = state.protocol.removeprefix(_BEGIN).split("-")
        if not state.protocol.startswith(_BEGIN) or len(theirs) != len(self.topics):
            return (
                f"another program, or a version that cannot share a group with this one, uses group {group} (its"
                f" assignor is {state.protocol[:80]!r}): set kafka.group to a name of its own, or stop that one first"
            )
        differing = [
            f"topics.{role} is not {self.topics[role]}"
            for role, digest in zip(sorted(self.topics), theirs, strict=True)
            if digest != _digest(self.topics[role])
        ]
        return (
            f"the workers of group {group} write to other topics than this one: their {' and '.join(differing)};"
            " give this worker their settings, or stop all of them before topics change"
        )


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:8]
