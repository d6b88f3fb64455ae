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
from streamproc.records.usage import TokenCounts

__all__ = ["ERRORS", "PROBLEMS", "USAGE", "USAGES", "problem", "sse"]


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

ERRORS: dict[str, tuple[Any, type[ProviderError], str]] = {
    "a server error": (problem("boom", type="server_error"), ServerFault, "boom"),
    "an overload": (problem("x", type="overloaded_error"), Overloaded, "x"),
    "a rate limit": (problem("x", type="requests", code="rate_limit_exceeded"), RateLimited, "x"),
    "a used-up quota": (problem("x", code="insufficient_quota"), QuotaExhausted, "x"),
    "a context error": (problem("x", code="context_length_exceeded"), ContextTooLong, "x"),
    "a content filter": (problem("x", code="content_filter"), ContentPolicy, "x"),
    "an error with a status": (problem("x", code="429"), RateLimited, "x"),
    "an error of a proxy": (problem("x", type="None", param="None", code="500"), ServerFault, "x"),
    "an error as text": ({"error": "unexpected EOF"}, ServerFault, "unexpected EOF"),
    "an error that is the object": ({"object": "error", "message": "late", "code": 400}, BadRequest, "late"),
    "an error without anything": ({"error": {"x": 1}}, ServerFault, "without a message"),
}
"""Error objects inside a stream, their class, and what the error says."""

USAGE = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
USAGES: dict[str, tuple[Any, TokenCounts | None]] = {
    "of a wrong kind": ("7", None),
    "without figures": ({"total_tokens": 9}, None),
    "with one figure": ({"prompt_tokens": 7}, TokenCounts(input=7)),
    "with figures of odd types": ({"prompt_tokens": "7", "completion_tokens": 2.0}, None),
    "with figures that make no sense": ({"prompt_tokens": -1, "completion_tokens": 10**18}, None),
    "with nulls for details": (
        {**USAGE, "prompt_tokens_details": None, "completion_tokens_details": []},
        TokenCounts(input=7, output=2),
    ),
    "with details": (
        {
            **USAGE,
            "prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 4},
            "completion_tokens_details": {"reasoning_tokens": 1},
        },
        TokenCounts(input=7, output=2, cached_input=3, cache_write=4, reasoning=1),
    ),
}
"""Usage objects of both kinds of completions that are odd, and what they mean."""
