"""The crew: worker processes of one group, and which partitions each of them owned when, as their logs tell."""

import os
import signal
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from tests.e2e.workplace import Worker, Workplace

__all__ = ["Change", "Member", "recruit"]

_PARTITION = b'"event":"partition"'


class Change(NamedTuple):
    """A partition of the request topic became a worker's own, or was lost; unix seconds."""

    at: float
    partition: int
    is_owned: bool


class Member:
    """A worker process; `name` is its static name in the group, None for a worker without one."""

    def __init__(self, worker: Worker, topic: str, name: str | None) -> None:
        self.name = name
        self._worker = worker
        self._topic = topic
        self._read = 0
        self._changes: list[Change] = []

    @property
    def changes(self) -> list[Change]:
        """What happened to its partitions so far, in order."""
        for line in self._new_lines():
            if _PARTITION in line:
                self._note(orjson.loads(line))
        return self._changes

    def _new_lines(self) -> Iterator[bytes]:
        with self._worker.log.open("rb") as log:
            log.seek(self._read)
            whole = log.read().rpartition(b"\n")
        self._read += len(whole[0]) + len(whole[1])
        yield from whole[0].splitlines()

    def _note(self, line: dict[str, Any]) -> None:
        if line["topic"] == self._topic and line["change"] in {"claimed", "lost"}:
            at = datetime.fromisoformat(line["timestamp"]).timestamp()
            self._changes.append(Change(at, line["partition"], line["change"] == "claimed"))

    def owned(self, before: float | None = None) -> frozenset[int]:
        """The partitions that are its own, now or at a time."""
        own: set[int] = set()
        for change in self.changes:
            if before is not None and change.at > before:
                break
            (own.add if change.is_owned else own.discard)(change.partition)
        return frozenset(own)

    def claimed_at(self) -> float | None:
        """When the first partition became its own, in unix seconds; None if none has."""
        return next((change.at for change in self.changes if change.is_owned), None)

    @property
    def is_running(self) -> bool:
        """Whether the process has not ended."""
        return self._worker.process.is_running

    def kill(self) -> float:
        """SIGKILL; gives the time at which the process was gone."""
        self._worker.process.kill()
        return time.time()

    def leave(self) -> float:
        """SIGTERM, without waiting for the end; gives its time."""
        at = time.time()
        os.killpg(self._worker.process.pid, signal.SIGTERM)
        return at


def recruit(place: Workplace, name: str | None, bootstrap: str | None) -> Member:
    """One more process, not waited for; it goes to `bootstrap` where its settings file would say another address."""
    variables = {"STREAMPROC_KAFKA__INSTANCE_ID": name, "STREAMPROC_KAFKA__BOOTSTRAP_SERVERS": bootstrap}
    said = {variable: value for variable, value in variables.items() if value is not None}
    return Member(place.start_worker(**said), place.topic("requests"), name)
