"""An error answer, before any API's dialect."""

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["ApiError"]


@dataclass(frozen=True, slots=True)
class ApiError:
    """An HTTP error answer.

    Attributes:
        status: of HTTP.
        code: also its name in the bill.
        type: the error's class in the provider's own words.
        message: one sentence.
        param: the part of the request that is wrong.
        details: further fields (Anthropic).
    """

    status: int
    code: str
    type: str
    message: str
    param: str | None = None
    details: Mapping[str, str] | None = None
