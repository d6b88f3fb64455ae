"""All faults by their names, and how a share of them is asked for (`--fault NAME:RATE`)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from streamproc.errors import SetupError
from streamproc.mock.faults.connection import CONNECTION
from streamproc.mock.faults.content import CONTENT
from streamproc.mock.faults.endings import ENDINGS
from streamproc.mock.faults.fault import SCOPES, Fault, Planned
from streamproc.mock.faults.replies import REPLIES
from streamproc.mock.faults.transport import TRANSPORT
from streamproc.mock.faults.usage import TOLD_WRONGLY
from streamproc.mock.shapes.shape import Shape

__all__ = ["FAULTS", "MIXED", "FaultShare", "fault_table", "parse_share", "pick", "planned"]

FAULTS: Mapping[str, Fault] = MappingProxyType(
    {fault.name: fault for fault in (*CONNECTION, *CONTENT, *ENDINGS, *TOLD_WRONGLY, *TRANSPORT, *REPLIES)}
)

MIXED = "mixed"
"""A share of this name is any fault that may be mixed and can happen to the call, each as likely as the others."""

_NAME = re.compile(r"([a-z]+)([0-9]{1,7})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class FaultShare:
    """A share of calls, 0 to 1, that shows a fault; None for the fault is `mixed`."""

    planned: Planned | None
    rate: float


def planned(name: str, number: str | None) -> Planned | None:
    """The fault of this name with this number, or with its usual one; None when there is no such fault."""
    fault = FAULTS.get(name)
    if fault is None or (fault.number is None and number is not None):
        return None
    if fault.number is None:
        return Planned(fault)
    value = fault.number.default if number is None else int(number)
    return Planned(fault, value) if value is not None and fault.number.least <= value <= fault.number.most else None


def parse_share(text: str) -> FaultShare:
    """Reads `NAME`, `NAME:RATE`, with a number behind the name for faults that take one.

    Raises:
        SetupError: there is no such fault, or the rate does not lie between 0 and 1.
    """
    name, _, rate = text.partition(":")
    match = _NAME.fullmatch(name)
    fault = planned(match[1], match[2]) if match else None
    if fault is None and name != MIXED:
        raise SetupError(f"mock provider: {name!r} is no fault; {_why_not(match[1] if match else name)}")
    try:
        share = float(rate or 1)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise SetupError(f"mock provider: the rate of fault {name!r} must lie between 0 and 1, not {rate!r}")
    return FaultShare(fault, share)


def _why_not(name: str) -> str:
    fault = FAULTS.get(name)
    if fault is None:
        return f"there are: {', '.join(FAULTS)}, {MIXED}"
    return f"the number behind {name} means: {_number(fault)}" if fault.number else f"{name} takes no number"


def pick(
    shares: tuple[FaultShare, ...], shape: Shape, chance: Callable[[], float], *, is_streamed: bool
) -> Planned | None:
    """The fault of one call, if any: at most one, with the shares' rates. One that cannot happen to it does not."""
    place = chance()
    for share in shares:
        place -= share.rate
        if place < 0:
            return _of_share(share, shape, chance, is_streamed=is_streamed)
    return None


def _of_share(share: FaultShare, shape: Shape, chance: Callable[[], float], *, is_streamed: bool) -> Planned | None:
    if share.planned is not None:
        return share.planned if share.planned.fault.applies(shape, is_streamed=is_streamed) else None
    fits = [fault for fault in FAULTS.values() if fault.is_mixed and fault.applies(shape, is_streamed=is_streamed)]
    fault = fits[int(chance() * len(fits))]
    return Planned(fault, (fault.number.default or 0) if fault.number else 0)


def fault_table() -> list[tuple[str, str, str, str, str]]:
    """Name, whether `mixed` picks it, what happens, where, what N means: the rows of `--help` and the documentation."""
    return [
        (
            fault.name + ("N" if fault.number else ""),
            "×" if fault.is_mixed else "",
            fault.sentence,
            SCOPES[fault.scope][0],
            _number(fault),
        )
        for fault in FAULTS.values()
    ]


def _number(fault: Fault) -> str:
    if fault.number is None:
        return ""
    usual = "" if fault.number.default is None else f" ({fault.number.default})"
    return fault.number.meaning + usual
