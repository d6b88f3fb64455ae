"""What happens on routes, for observers."""

from dataclasses import dataclass

__all__ = ["FellBack", "RuleFailed"]


@dataclass(frozen=True, slots=True)
class FellBack:
    """A run goes from one model of its route to another, both named `provider/model`.

    `reason` is why: the code of an error, or what holds the first one back before a call.
    """

    run_id: str
    route: str
    left: str
    taken: str
    reason: str


@dataclass(frozen=True, slots=True)
class RuleFailed:
    """A user's rule of a variant raised an error; for this request it counts as one that does not hold."""

    route: str
    variant: str
    sentence: str
