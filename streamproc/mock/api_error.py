"""The error responses of the mock provider, in the shape and with the codes that OpenAI's API uses."""

from dataclasses import dataclass

import orjson

__all__ = ["ApiError", "error_of_status", "quota_error", "render_error"]


@dataclass(frozen=True, slots=True)
class ApiError:
    """An HTTP error answer; `code` is also its name in the stats."""

    status: int
    code: str
    type: str
    message: str


_KNOWN = {
    401: ("invalid_api_key", "invalid_request_error", "Incorrect API key provided."),
    403: ("permission_denied", "invalid_request_error", "This key may not use this model."),
    404: ("model_not_found", "invalid_request_error", "This model does not exist."),
    429: ("rate_limit_exceeded", "requests", "Too many requests in this minute."),
    503: ("server_is_overloaded", "service_unavailable_error", "No capacity at present."),
}


def error_of_status(status: int) -> ApiError:
    """The usual error for an HTTP status from 400 to 599."""
    if status in _KNOWN:
        return ApiError(status, *_KNOWN[status])
    if status >= 500:  # noqa: PLR2004 the server's half of the error statuses
        return ApiError(status, "server_error", "server_error", "The server had an error.")
    return ApiError(status, "invalid_request", "invalid_request_error", "The request was refused.")


def quota_error() -> ApiError:
    """A 429 that no waiting helps against: the account has no credit left."""
    return ApiError(429, "insufficient_quota", "insufficient_quota", "You exceeded your current quota.")


def render_error(error: ApiError) -> bytes:
    """The body of an error answer."""
    return orjson.dumps({"error": {"message": error.message, "type": error.type, "param": None, "code": error.code}})
