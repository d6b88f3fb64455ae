"""What a provider says when it refuses: always an error of the tree, and a wait that can be waited."""

import math

import orjson

from streamproc.errors import ProviderError
from streamproc.providers.error_classes import error_in_body, error_in_stream
from streamproc.providers.retry_after import retry_after_seconds
from tests.faults.cases.table import APIS, CASES
from tests.fuzz.target import Target
from tests.unit.providers.words import WORDS

__all__ = ["ERRORS", "RETRY_AFTER"]

_STATUSES = (400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529, 301, 204, 999)
_HINTS = (
    "retry-after-ms",
    "retry-after",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-requests",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-tokens",
)
_LONGEST_SENTENCE = 400


def _check_error(data: bytes) -> None:
    status, body = _STATUSES[data[0] % len(_STATUSES)] if data else 500, data[1:]
    error: ProviderError = error_in_body(
        body, provider="p", status=status, request_id=None, retry_after_seconds=None, redact=str
    )
    _look_at(error)
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        return
    _look_at(error_in_stream(parsed, provider="p", request_id=None, redact=str))


def _look_at(error: ProviderError) -> None:
    """It is short, and can be written into a record."""
    for text in (str(error), error.code, error.provider_code, error.request_id):
        assert text is None or len(text) <= _LONGEST_SENTENCE
        orjson.dumps(text)


def _check_retry_after(data: bytes) -> None:
    """An input is the value of a hint in each line, in the order of `_HINTS`."""
    lines = data.decode("latin-1").split("\n")
    headers = {name: value for name, value in zip(_HINTS, lines, strict=False) if value}
    seconds = retry_after_seconds(headers, 1_000_000.0)
    assert seconds is None or (math.isfinite(seconds) and seconds >= 0)


def _bodies() -> list[bytes]:
    bodies = [body for api in APIS for _, body, _ in api.refusals.values()]
    found = [body if isinstance(body, bytes) else orjson.dumps(body) for body in bodies]
    return found + [orjson.dumps(error) for api in APIS for error, *_ in api.errors.values()]


def _hints() -> list[bytes]:
    found = {b"250.5\n9", b"\n7", b"\nMon, 12 Jan 1970 13:46:50 GMT", b"\n1h0m1.5s", b"\n\n0\n1s\n0\n6m0s"}
    for _, case in CASES.values():
        for step in case.sends:
            if isinstance(step, bytes) and case.retry_after is not None:
                lines = dict(line.partition(b": ")[::2] for line in step.split(b"\r\n"))
                found.add(b"\n".join(lines.get(name.encode(), b"") for name in _HINTS))
    return sorted(found)


ERRORS = Target(
    _check_error,
    [bytes((number % len(_STATUSES),)) + body for number, body in enumerate(_bodies())],
    sorted({b'"%b"' % word.encode() for words in WORDS.values() for word in words}
           | {b'"innererror":', b'"details":', b'"error_code":', b'"request_id":', b"[", b"{", b"null", b"429"}),
)  # fmt: skip
RETRY_AFTER = Target(
    _check_retry_after,
    _hints(),
    (b"Mon, ", b" Jan ", b"GMT", b"+0000", b"-9999", b"6m0s", b"1h", b"ms", b"\xb5s", b"nan", b"inf", b"1e999", b"_"),
)
