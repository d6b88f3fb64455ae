"""The plan of a chaos run: which fault comes when. Pure: the same seed gives the same plan."""

from itertools import accumulate, cycle
from random import Random
from typing import Literal, NamedTuple

__all__ = ["Doses", "Fault", "FaultKind", "doses", "plan"]

FaultKind = Literal["kill", "freeze", "join", "leave", "restart", "slow", "poison"]
"""What is done.

kill     SIGKILL to a worker, which is started again later
freeze   SIGSTOP to a worker, for longer than its session
join     one worker more
leave    SIGTERM to a worker, which is not started again
restart  the broker, or one of them, goes down and comes back with its data
slow     the broker, or one of them, stands still for less than a session
poison   the chunks topic refuses every batch for a moment, which breaks the producers of chunks for good
"""

_AT_RANDOM: tuple[FaultKind, ...] = ("kill", "freeze", "restart", "slow", "poison")
_GAPS = (0.1, 1.3)
"""Time between two faults, in proportion."""
_SCALES: tuple[FaultKind, ...] = ("join", "leave")


class Fault(NamedTuple):
    """One fault.

    Attributes:
        at: seconds after the start.
        kind: what is done.
        pick: from 0 up to 1, which of those that can be hurt then.
        seconds: how long it lasts: until a killed worker is started again, a frozen one wakes up, a broker is back.
    """

    at: float
    kind: FaultKind
    pick: float
    seconds: float


class Doses(NamedTuple):
    """How many faults of each kind."""

    kill: int
    freeze: int
    join: int
    leave: int
    restart: int
    slow: int
    poison: int


_THREE_MINUTES = Doses(kill=10, freeze=5, join=2, leave=2, restart=2, slow=2, poison=2)


def doses(minutes: float) -> Doses:
    """What a run of this length gets, at least one of each kind: 10 kills and 5 freezes in three minutes."""
    return Doses(*(max(1, round(count * minutes / 3)) for count in _THREE_MINUTES))


def plan(seed: int, seconds: float, dose: Doses, session_seconds: float) -> tuple[Fault, ...]:
    """The faults in the order of their times.

    They come in bursts with calm between them, so that they meet each other, and that it can also be measured what one
    alone does. The last tenth of the time has no fault, so that requests still flow when the last one is over. A
    worker joins before one leaves, so that there are never fewer than at the start.
    """
    random = Random(seed)
    scales = [turn for _, turn in zip(range(dose.join + dose.leave), cycle(_SCALES), strict=False)]
    kinds = [kind for kind in _AT_RANDOM for _ in range(getattr(dose, kind))]
    kinds += ["join"] * len(scales)
    random.shuffle(kinds)
    gaps = [random.choice(_GAPS) for _ in kinds]
    unit = seconds * 0.9 / sum(gaps)
    faults = []
    for drawn, at in zip(kinds, accumulate(gaps), strict=True):
        kind = scales.pop(0) if drawn == "join" else drawn
        faults.append(Fault(at * unit, kind, random.random(), _lasts(kind, random, session_seconds)))
    return tuple(faults)


def _lasts(kind: FaultKind, random: Random, session_seconds: float) -> float:
    match kind:
        case "freeze":
            return session_seconds + random.uniform(1, 4)
        case "slow":
            return session_seconds * random.uniform(0.3, 0.7)
        case "kill":
            return random.uniform(0.2, session_seconds)
        case "restart" | "poison":
            return random.uniform(0.5, 2)
        case "join" | "leave":
            return 0.0
