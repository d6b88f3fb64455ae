"""Answers with an error status: nothing of them is billed."""

from functools import partial
from http import HTTPStatus
from typing import Any

import orjson

from streamproc.errors import (
    BadRequest,
    CredentialRefused,
    Overloaded,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    ServerFault,
)
from tests.faults.cases.api import Api
from tests.faults.cases.case import PAGE, Case, Table
from tests.faults.raw_provider import response

__all__ = ["refusal", "refusals"]

_BY_STATUS: dict[int, type[ProviderError]] = {
    400: BadRequest,
    401: CredentialRefused,
    402: QuotaExhausted,
    403: CredentialRefused,
    404: BadRequest,
    408: ServerFault,
    409: ServerFault,
    413: BadRequest,
    422: BadRequest,
    500: ServerFault,
    502: ServerFault,
    503: Overloaded,
    504: ServerFault,
    529: Overloaded,
}

_HINTS: dict[str, tuple[tuple[bytes, ...], float | None]] = {
    "no hint": ((), None),
    "seconds": ((b"Retry-After: 7",), 7),
    "a fraction of a second": ((b"retry-after: 0.25",), 0.25),
    "milliseconds": ((b"retry-after-ms: 1500", b"retry-after: 9"), 1.5),
    "a date": ((b"retry-after: Mon, 12 Jan 1970 13:47:00 GMT",), 20),
    "a date that is over": ((b"retry-after: Mon, 12 Jan 1970 13:00:00 GMT",), 0),
    "a duration": ((b"retry-after: 6m0s",), 360),
    "nonsense": ((b"retry-after: soon",), None),
    "a limit that is used up": (
        (
            b"x-ratelimit-remaining-requests: 9",
            b"x-ratelimit-reset-requests: 8h",
            b"x-ratelimit-remaining-tokens: 0",
            b"x-ratelimit-reset-tokens: 6m0s",
        ),
        360,
    ),
}


def refusals(api: Api) -> Table:
    """Each status, each hint how long to wait, and the bodies that this API is known for."""
    cases = {f"{status}": refusal(api, status, api.problem("no"), error) for status, error in _BY_STATUS.items()}
    for name, (headers, seconds) in _HINTS.items():
        cases[f"429 with {name}"] = refusal(api, 429, api.problem("slow"), RateLimited, *headers, retry_after=seconds)
    cases |= {
        "502 with a page": refusal(api, 502, PAGE, ServerFault),
        "401 without a body": refusal(api, 401, b"", CredentialRefused),
        "500 with invalid UTF-8": refusal(api, 500, b'{"error":"\xff"}', ServerFault),
        "400 with a body of another shape": refusal(api, 400, [17], BadRequest),
        "400 with a body that is too large": refusal(api, 400, b" " * 2**17, BadRequest),
        "a redirect": refusal(api, 307, b"", ServerFault, b"location: /elsewhere"),
        "401 whose body is cut": Case(
            sends=(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 999\r\n\r\n{",),
            ends="closes",
            error=CredentialRefused,
            status=401,
        ),
    }
    for name, (status, body, error) in api.refusals.items():
        cases[f"{status} {name}"] = refusal(api, status, body, error)
    return cases


def refusal(
    api: Api, status: int, body: Any, error: type[ProviderError], *headers: bytes, retry_after: float | None = None
) -> Case:
    """A case of one such answer; a body that is no bytes is sent as JSON. Its id is `req-9`."""
    reason = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Odd"
    made = partial(response, f"{status} {reason}")
    ids = api.header(b"req-9")
    return Case(
        sends=(
            made("text/html", body, *ids, *headers)
            if isinstance(body, bytes)
            else made("application/json", orjson.dumps(body), *ids, *headers),
        ),
        error=error,
        status=status,
        request_id="req-9" if ids else None,
        retry_after=retry_after,
    )
