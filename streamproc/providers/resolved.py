"""Which provider answers a model, by the settings alone."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from streamproc.errors import InvalidRequest

__all__ = ["Resolved", "resolved"]

_NAMED_IN_SENTENCES = 20


class Resolved(NamedTuple):
    """Who answers: the provider's name in the settings, and the provider's own name of the model."""

    provider: str
    model: str


def resolved(models: Mapping[str, Sequence[str]], model: str) -> Resolved:
    """Who answers this model: `provider/model`, or a bare name of the first provider that has it.

    Args:
        models: of each provider, by its name.
        model: as a request names it.

    Raises:
        InvalidRequest: nobody does; names the models that are there.
    """
    prefix, _, rest = model.partition("/")
    if rest and rest in models.get(prefix, ()):
        return Resolved(prefix, rest)
    for name, own in models.items():
        if model in own:
            return Resolved(name, model)
    known = list(dict.fromkeys(known for own in models.values() for known in own))
    more = f" and {len(known) - _NAMED_IN_SENTENCES} more" if len(known) > _NAMED_IN_SENTENCES else ""
    raise InvalidRequest(
        f"model {model[:100]!r} is not configured; there are: {', '.join(known[:_NAMED_IN_SENTENCES])}{more}",
        code="unknown_model",
    )
