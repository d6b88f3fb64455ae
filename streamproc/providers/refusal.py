"""Refusals: what an API cannot be asked, or what has no bound in price, ends a request before its call."""

from streamproc.errors import InvalidRequest
from streamproc.records.request import Request

__all__ = ["check_extra", "unsupported"]


def unsupported(sentence: str) -> InvalidRequest:
    """The error for a field of a request that this API cannot express; the sentence begins with the field's name."""
    return InvalidRequest(sentence, code="option_not_supported")


def check_extra(request: Request, allowed: frozenset[str]) -> None:
    """Refuses provider options that are not on the allow-list, because what they cost is not known.

    Raises:
        InvalidRequest: names the options that are refused and those that are allowed.
    """
    refused = sorted((request.extra or {}).keys() - allowed)
    if refused:
        names = ", ".join(repr(name[:40]) for name in refused[:8])
        raise InvalidRequest(
            f"extra: {names} cannot be passed on; allowed are {', '.join(sorted(allowed)) or 'none here'}",
            code="extra_not_allowed",
        )
