"""The tally: what a billing job has done so far."""

from dataclasses import dataclass

__all__ = ["Tally"]


@dataclass(slots=True)
class Tally:
    """What a job has done since its start; `reread` are records that a former job could not read, and this one can."""

    lines: int = 0
    reread: int = 0
    repeated: int = 0
    conflicts: int = 0
    unreadable: int = 0
    missed: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether everything that came is on the bill."""
        return not (self.conflicts or self.unreadable or self.missed)
