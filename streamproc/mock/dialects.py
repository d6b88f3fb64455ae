"""How each provider speaks of errors: codes, types, sentences, the form of the body."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import orjson

from streamproc.mock.api_error import ApiError

__all__ = ["ANTHROPIC", "OLLAMA", "OPENAI", "Dialect", "Trouble", "openai_error"]

Trouble = Literal["quota", "nocredit", "orglimit", "spendlimit", "owncap", "toolong", "slowdown", "broke"]
"""Troubles that a status alone does not tell; waiting helps against `slowdown`, `broke` comes inside of a stream."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """A provider's errors.

    Attributes:
        statuses: code, type and sentence for the statuses it documents.
        others: code and type for the rest, of the client's and of the server's half.
        troubles: errors that a status alone does not tell.
        render: the body of an error answer, given the call's id.
        id_header: the header with the call's id.
    """

    statuses: Mapping[int, tuple[str, str, str]]
    others: tuple[tuple[str, str], tuple[str, str]]
    troubles: Mapping[Trouble, ApiError]
    render: Callable[[ApiError, str | None], bytes]
    id_header: str = "x-request-id"

    def error_of_status(self, status: int) -> ApiError:
        """The usual error for an HTTP status from 400 to 599."""
        if status in self.statuses:
            return ApiError(status, *self.statuses[status])
        is_server = status >= 500  # noqa: PLR2004 the server's half of the error statuses
        sentence = "The server had an error." if is_server else "The request was refused."
        return ApiError(status, *self.others[is_server], sentence)


def openai_error(error: ApiError) -> dict[str, Any]:
    """OpenAI's error object."""
    return {"error": {"message": error.message, "type": error.type, "param": error.param, "code": error.code}}


def _render_openai(error: ApiError, call_id: str | None) -> bytes:
    del call_id
    return orjson.dumps(openai_error(error))


def _render_anthropic(error: ApiError, call_id: str | None) -> bytes:
    inner: dict[str, Any] = {"type": error.type, "message": error.message}
    if error.details is not None:
        inner["details"] = dict(error.details)
    return orjson.dumps({"type": "error", "error": inner, "request_id": call_id})


def _render_ollama(error: ApiError, call_id: str | None) -> bytes:
    del call_id
    return orjson.dumps({"error": error.message})


OPENAI = Dialect(
    MappingProxyType(
        {
            401: ("invalid_api_key", "invalid_request_error", "Incorrect API key provided."),
            403: ("permission_denied", "invalid_request_error", "This key may not use this model."),
            404: ("model_not_found", "invalid_request_error", "This model does not exist."),
            429: ("rate_limit_exceeded", "requests", "Too many requests in this minute."),
            503: ("server_is_overloaded", "service_unavailable_error", "No capacity at present."),
        }
    ),
    (("invalid_request", "invalid_request_error"), ("server_error", "server_error")),
    MappingProxyType(
        {
            "quota": ApiError(429, "insufficient_quota", "insufficient_quota", "You exceeded your current quota."),
            "nocredit": ApiError(
                429, "credit_balance_exhausted", "insufficient_quota", "Your credit balance is used up."
            ),
            "orglimit": ApiError(
                429, "organization_spend_limit_exceeded", "insufficient_quota", "Your organization spent its limit."
            ),
            "spendlimit": ApiError(
                429, "project_spend_limit_exceeded", "insufficient_quota", "This project reached its spend limit."
            ),
            "owncap": ApiError(
                429, "organization_usage_limit_exceeded", "insufficient_quota", "Your own usage limit is reached."
            ),
            "toolong": ApiError(
                400,
                "context_length_exceeded",
                "invalid_request_error",
                "This model's maximum context length is 8 tokens, and the messages have more.",
                "messages",
            ),
            "slowdown": ApiError(429, "rate_limit_exceeded", "requests", "Too many requests in this minute."),
            "broke": ApiError(500, "server_error", "server_error", "The server had an error."),
        }
    ),
    _render_openai,
)

ANTHROPIC = Dialect(
    MappingProxyType(
        {
            401: ("authentication_error", "authentication_error", "invalid x-api-key"),
            402: ("billing_error", "billing_error", "There is an issue with your billing or payment information."),
            403: ("permission_error", "permission_error", "This key may not use this model."),
            404: ("not_found_error", "not_found_error", "This model does not exist."),
            409: ("conflict_error", "conflict_error", "The request conflicts with the state of the resource."),
            413: ("request_too_large", "request_too_large", "The request has more than the maximum of bytes."),
            429: ("rate_limit_error", "rate_limit_error", "This request would exceed your rate limit."),
            504: ("timeout_error", "timeout_error", "The request took too long."),
            529: ("overloaded_error", "overloaded_error", "Overloaded"),
        }
    ),
    (("invalid_request_error", "invalid_request_error"), ("api_error", "api_error")),
    MappingProxyType(
        {
            "quota": ApiError(
                402, "billing_error", "billing_error", "There is an issue with your billing information."
            ),
            "nocredit": ApiError(402, "billing_error", "billing_error", "Your credit balance is too low."),
            "orglimit": ApiError(402, "billing_error", "billing_error", "Your organization spent its limit."),
            "spendlimit": ApiError(
                429,
                "enforced_spend_limit_reached",
                "rate_limit_error",
                "You have reached your spend limit for this month.",
                details=MappingProxyType({"error_code": "enforced_spend_limit_reached"}),
            ),
            "owncap": ApiError(
                400, "usage_limit", "invalid_request_error", "You have reached your specified API usage limits."
            ),
            "toolong": ApiError(
                400, "prompt_too_long", "invalid_request_error", "prompt is too long: 9 tokens > 8 maximum"
            ),
            "slowdown": ApiError(
                429, "rate_limit_error", "rate_limit_error", "This request would exceed your rate limit."
            ),
            "broke": ApiError(529, "overloaded_error", "overloaded_error", "Overloaded"),
        }
    ),
    _render_anthropic,
    id_header="request-id",
)

_LIMIT = "you have reached your usage limit, upgrade for higher limits"
OLLAMA = Dialect(
    MappingProxyType(
        {
            404: ("model_not_found", "", "model not found, try pulling it first"),
            429: ("too_many_requests", "", "too many requests"),
            503: ("server_busy", "", "server busy, please try again. maximum pending requests exceeded"),
        }
    ),
    (("invalid_request", ""), ("server_error", "")),
    MappingProxyType(
        {
            "quota": ApiError(429, "usage_limit", "", _LIMIT),
            "nocredit": ApiError(429, "usage_limit", "", _LIMIT),
            "orglimit": ApiError(429, "usage_limit", "", _LIMIT),
            "spendlimit": ApiError(429, "usage_limit", "", _LIMIT),
            "owncap": ApiError(429, "usage_limit", "", _LIMIT),
            "toolong": ApiError(
                400, "prompt_too_long", "", "the prompt is longer than the context length: 9 > 8 tokens"
            ),
            "slowdown": ApiError(429, "too_many_requests", "", "too many requests"),
            "broke": ApiError(500, "server_error", "", "the model's process ended: unexpected EOF"),
        }
    ),
    _render_ollama,
)
