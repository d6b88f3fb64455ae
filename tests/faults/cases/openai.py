"""What the APIs of OpenAI have in common: the form of their events and of their error bodies."""

from typing import Any

from streamproc.errors import (
    BadRequest,
    ContentPolicy,
    ContextTooLong,
    CredentialRefused,
    Overloaded,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    ServerFault,
)

__all__ = ["PROBLEMS", "problem", "sse"]


def sse(payload: bytes) -> bytes:
    """An event without a name."""
    return b"data: " + payload + b"\n\n"


def problem(message: str, **fields: Any) -> dict[str, Any]:
    """An error body."""
    return {"error": {"message": message, "param": None, "type": None, "code": None, **fields}}


PROBLEMS: dict[str, tuple[int, Any, type[ProviderError]]] = {
    **{
        code: (429, problem("m", type="insufficient_quota", code=code), QuotaExhausted)
        for code in (
            "credit_balance_exhausted",
            "organization_spend_limit_exceeded",
            "project_spend_limit_exceeded",
            "organization_usage_limit_exceeded",
            "insufficient_quota",
        )
    },
    "insufficient_quota without a code": (429, problem("m", type="insufficient_quota"), QuotaExhausted),
    "rate_limit_exceeded": (429, problem("m", type="requests", code="rate_limit_exceeded"), RateLimited),
    "slow_down": (429, problem("m", type="rate_limit_error", code="slow_down"), RateLimited),
    "request too large": (
        429,
        problem("Request too large for m on tokens per min (TPM): Limit 10, Requested 20", type="tokens"),
        BadRequest,
    ),
    "that echoes a quota": (429, problem("'insufficient_quota' was in your prompt"), RateLimited),
    "server_is_overloaded": (
        503,
        problem("m", type="service_unavailable_error", code="server_is_overloaded"),
        Overloaded,
    ),
    "server_error": (500, problem("m", type="server_error"), ServerFault),
    "that echoes a context error": (500, problem("while answering 'maximum context length'"), ServerFault),
    "invalid_api_key": (401, problem("m", code="invalid_api_key"), CredentialRefused),
    "unsupported country": (403, problem("m", code="unsupported_country_region_territory"), CredentialRefused),
    "model_not_found": (404, problem("m", code="model_not_found"), BadRequest),
    "invalid_request_error": (400, problem("m", type="invalid_request_error", param="temperature"), BadRequest),
    "that echoes a rate limit": (400, problem("cannot read 'Error 429: rate limit, overloaded'"), BadRequest),
    "context_length_exceeded": (
        400,
        problem("m", type="invalid_request_error", code="context_length_exceeded", param="messages"),
        ContextTooLong,
    ),
    "maximum context length": (
        400,
        problem("This model's maximum context length is 8 tokens.", code="invalid_request_error"),
        ContextTooLong,
    ),
    "exceed_context_size_error": (
        400,
        problem("the request exceeds the available context size", type="exceed_context_size_error", code=400),
        ContextTooLong,
    ),
    "content_policy_violation": (400, problem("m", code="content_policy_violation"), ContentPolicy),
    "usage policy": (
        400,
        problem("Invalid prompt: your prompt was flagged as potentially violating our usage policy."),
        ContentPolicy,
    ),
    "ResponsibleAIPolicyViolation": (
        400,
        problem("m", code="x", innererror={"code": "ResponsibleAIPolicyViolation"}),
        ContentPolicy,
    ),
    "content_filter": (400, problem("m", code="content_filter"), ContentPolicy),
    "FastAPI's form": (422, {"detail": [{"msg": "field required"}]}, BadRequest),
}
"""Rows of the table of OpenAI's and compatible servers' errors: status, body, class."""
