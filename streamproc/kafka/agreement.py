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
    """One worker's side of it.

    Attributes:
        topics: the topics it writes to, by their roles.
        ledger: tells its ledger from all that its own cannot agree with; "" where it keeps none.
    """

    topics: Mapping[str, str]
    ledger: str = ""

    @property
    def protocol(self) -> str:
        """Name of the assignor: a short digest for each role, so that the other side can tell which one differs."""
        parts = [_digest(self.topics[role]) for role in sorted(self.topics)]
        return _BEGIN + "-".join([*parts, _digest(self.ledger)] if self.ledger else parts)

    def explain(self, group: str, state: GroupState) -> str:
        """One sentence on why a group that is in this state does not take us in."""
        if not state.protocol:
            return f"the workers of group {group} have other topics than this one: give it their settings"
        theirs = state.protocol.removeprefix(_BEGIN).split("-")
        without = len(self.topics)
        if not state.protocol.startswith(_BEGIN) or len(theirs) not in (without, without + 1):
            return (
                f"another program, or a version that cannot share a group with this one, uses group {group} (its"
                f" assignor is {state.protocol[:80]!r}): set kafka.group to a name of its own, or stop that one first"
            )
        differing = [
            f"topics.{role} is not {self.topics[role]}"
            for role, digest in zip(sorted(self.topics), theirs[:without], strict=True)
            if digest != _digest(self.topics[role])
        ]
        if not differing:
            return (
                f"the workers of group {group} keep another ledger of their budgets than this one, or one of them keeps"
                " none: a ledger in memory counts for one worker alone, so stop the others, or give all of them the"
                " same budgets and a ledger that they share"
            )
        return (
            f"the workers of group {group} write to other topics than this one: their {' and '.join(differing)};"
            " give this worker their settings, or stop all of them before topics change"
        )


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:8]
