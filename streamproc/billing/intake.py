"""The intake: what one transaction puts into the bill."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from streamproc.billing.sums import Taken

__all__ = ["Gap", "Intake", "Unreadable"]


class Unreadable(NamedTuple):
    """A record that was passed over, and why."""

    partition: int
    offset: int
    reason: str


class Gap(NamedTuple):
    """Records that were gone before they were read, up to and without `until`."""

    partition: int
    offset: int
    until: int


@dataclass(frozen=True, slots=True)
class Intake:
    """What one transaction stores: `steps` are offsets before and behind it, by partition; None is no offset yet.

    `again`: the records of the lines were noted as unreadable once, and that is over.
    """

    topic: str
    steps: Mapping[int, tuple[int | None, int]]
    taken: Sequence[Taken] = ()
    unreadable: Sequence[Unreadable] = ()
    gaps: Sequence[Gap] = ()
    again: bool = False
