"""The crew: worker processes that are killed, frozen, woken, stopped and started again."""

import os
import signal
from datetime import datetime
from pathlib import Path
from typing import Self

from tests.e2e.workplace import Worker

__all__ = ["Crew", "CrewMember"]


class CrewMember:
    """A worker process with its number.

    Attributes:
        is_taken: something is done to it, or will be at once; one that thaws is free again.
    """

    def __init__(self, number: int, worker: Worker) -> None:
        self.number = number
        self.worker = worker
        self.is_taken = self.is_frozen = self.is_leaving = False

    def __repr__(self) -> str:
        return f"worker {self.number}"

    @property
    def is_running(self) -> bool:
        """Whether the process has not ended; a frozen one runs."""
        return self.worker.process.is_running

    @property
    def can_be_hurt(self) -> bool:
        """Whether it runs, and nothing is done to it at present."""
        return self.is_running and not self.is_taken

    def has_started(self) -> bool:
        """Whether it has checked its surroundings and joined the group."""
        return bool(self.worker.lines("started"))

    def kill(self) -> None:
        """SIGKILL."""
        self.worker.process.kill()

    def freeze(self) -> None:
        """SIGSTOP; a process that ended meanwhile stays so."""
        if self.is_running:
            self.is_frozen = True
            self.worker.process.pause()

    def thaw(self) -> None:
        """SIGCONT; a process that ended meanwhile stays so."""
        self.is_taken = self.is_frozen = False
        if self.is_running:
            self.worker.process.resume()

    def leave(self) -> None:
        """SIGTERM, without waiting for the end."""
        self.is_leaving = True
        if self.is_running:
            os.killpg(self.worker.process.pid, signal.SIGTERM)

    def owned(self, before: float) -> set[int]:
        """Partitions that were its own at this time, in unix seconds, as its log tells."""
        owned: set[int] = set()
        for line in self.worker.lines("partition"):
            if datetime.fromisoformat(line["timestamp"]).timestamp() > before:
                break
            if line["change"] == "claimed":
                owned.add(line["partition"])
            elif line["change"] == "lost":
                owned.discard(line["partition"])
        return owned

    def in_flight(self) -> int:
        """Calls that it has running now, as its metrics say."""
        return int(self.worker.metric("streamproc_runs_in_flight") or 0)


class Crew:
    """All worker processes of a run; those still there end with the block."""

    def __init__(self, settings: Path, folder: Path) -> None:
        self._settings = settings
        self._folder = folder
        self.members: list[CrewMember] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for member in self.members:
            member.kill()

    def start(self) -> CrewMember:
        """One more process, without waiting for it."""
        number = len(self.members) + 1
        member = CrewMember(number, Worker(self._settings, self._folder / f"worker-{number}.log"))
        self.members.append(member)
        return member

    @property
    def running(self) -> list[CrewMember]:
        """Those whose process has not ended."""
        return [member for member in self.members if member.is_running]

    def pick(self, chance: float, *, at_work: bool) -> CrewMember | None:
        """One that can be hurt, for this fault alone; None when there is none.

        `chance` lies from 0 up to 1. `at_work` leaves starting ones out.
        """
        able = [member for member in self.members if member.can_be_hurt and (member.has_started() or not at_work)]
        if not able:
            return None
        picked = able[int(chance * len(able))]
        picked.is_taken = True
        return picked
