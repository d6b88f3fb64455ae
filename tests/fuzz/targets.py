"""All targets by name."""

from tests.fuzz.allowances import RATE_LIMITS
from tests.fuzz.answers import ANSWERS
from tests.fuzz.framings import NDJSON, SSE
from tests.fuzz.refusals import ERRORS, RETRY_AFTER
from tests.fuzz.responses import RESPONSES

__all__ = ["TARGETS"]

TARGETS = {
    "sse": SSE,
    "ndjson": NDJSON,
    "http": RESPONSES,
    "errors": ERRORS,
    "retry_after": RETRY_AFTER,
    "rate_limits": RATE_LIMITS,
    **ANSWERS,
}
