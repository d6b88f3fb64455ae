"""The crew that faults are done to."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.chaos.workers import Crew, CrewMember
from tests.e2e.workplace import Worker
from tests.servers.process import Process


class Idle(Worker):
    """A process that does nothing."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.process = Process(("sleep", "60"), log)


@pytest.fixture
def crew(tmp_path: Path) -> Iterator[Crew]:
    """Two members."""
    with ExitStack() as stack:
        crew = stack.enter_context(Crew(tmp_path / "none.toml", tmp_path))
        crew.members += [CrewMember(number, Idle(tmp_path / f"worker-{number}.log")) for number in (1, 2)]
        yield crew


def test_no_two_faults_get_the_same_worker(crew: Crew) -> None:
    """A freeze met a worker that another fault was about to kill, and the whole campaign broke off."""
    first, second = crew.pick(0.0, at_work=False), crew.pick(0.0, at_work=False)
    assert {first, second} == set(crew.members)
    assert crew.pick(0.0, at_work=False) is None
    assert first is not None
    first.freeze()
    first.thaw()
    assert crew.pick(0.9, at_work=False) is first


def test_what_is_done_to_a_worker_that_has_ended_does_no_harm(crew: Crew) -> None:
    """It may end by itself at any time, as one does that starts while a broker is away."""
    member = crew.members[0]
    member.kill()
    member.freeze()
    assert not member.is_frozen
    member.leave()
    member.thaw()
    assert not member.is_running
