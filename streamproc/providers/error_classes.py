"""APIs, when they go wrong: status and error object become the class of `streamproc.errors` that fits.

The order of the rules matters and is the order of the code: codes that a provider gives on purpose go before the
status, the status before everything else. The text of a message is never searched for "429" or "rate limit", because
an echoed prompt can contain them.
"""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

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

__all__ = ["classify", "cut", "error_in_body", "error_in_stream"]

_SENTENCE_CHARACTERS = 300

_BY_CODE: Mapping[str, type[ProviderError]] = {
    # OpenAI's billing stops come as 429 and never pass by waiting.
    "insufficient_quota": QuotaExhausted,
    "credit_balance_exhausted": QuotaExhausted,
    "organization_spend_limit_exceeded": QuotaExhausted,
    "project_spend_limit_exceeded": QuotaExhausted,
    "organization_usage_limit_exceeded": QuotaExhausted,
    "billing_hard_limit_reached": QuotaExhausted,
    "billing_not_active": QuotaExhausted,
    "billing_error": QuotaExhausted,  # Anthropic
    "enforced_spend_limit_reached": QuotaExhausted,  # Anthropic, as 429
    "context_length_exceeded": ContextTooLong,
    "exceed_context_size_error": ContextTooLong,  # llama.cpp
    "content_policy_violation": ContentPolicy,
    "content_filter": ContentPolicy,  # Azure
    "responsibleaipolicyviolation": ContentPolicy,  # Azure
    "invalid_prompt": ContentPolicy,
    "bio_policy": ContentPolicy,
    "image_content_policy_violation": ContentPolicy,
}

_QUOTA_BEGINNINGS = (
    "You have reached your specified API usage limits",
    "Your credit balance is too low",
    "This request would exceed your account's monthly spend limit",
)
"""Anthropic's limits that never pass by waiting come under general types, as 400 and as 429. Looked for at the very
beginning of a message only, where no echoed prompt stands: it would stop a credential."""

_CONTEXT_PHRASES = (
    "maximum context length",
    "maximum prompt length",
    "exceeds the available context size",
    "exceeds the context length",
    "longer than the model's context length",
    "longer than the context length",  # Ollama
    "prompt is too long",  # Anthropic
    "exceed context limit",  # Anthropic, for prompt and answer together
)
"""For servers that send a general code with it. Looked for in refusals of the request only, so an echoed prompt that
contains one turns a final error into another final error."""

_POLICY_PHRASE = "violating our usage policy"

_BY_CODE_IN_STREAM: Mapping[str, type[ProviderError]] = {
    "rate_limit_exceeded": RateLimited,
    "rate_limit_error": RateLimited,
    "slow_down": RateLimited,
    "overloaded_error": Overloaded,
    "server_is_overloaded": Overloaded,
    "service_unavailable_error": Overloaded,
    "invalid_api_key": CredentialRefused,
    "authentication_error": CredentialRefused,
    "permission_error": CredentialRefused,
    "invalid_request_error": BadRequest,
    "model_not_found": BadRequest,
    "not_found_error": BadRequest,
    "request_too_large": BadRequest,
    # Of Responses, and final: all but `server_error` and `rate_limit_exceeded` are.
    "data_residency_mismatch": BadRequest,
    "vector_store_timeout": BadRequest,
    "invalid_image": BadRequest,
    "invalid_image_format": BadRequest,
    "invalid_base64_image": BadRequest,
    "invalid_image_url": BadRequest,
    "invalid_image_mode": BadRequest,
    "image_too_large": BadRequest,
    "image_too_small": BadRequest,
    "image_parse_error": BadRequest,
    "image_file_too_large": BadRequest,
    "image_file_not_found": BadRequest,
    "unsupported_image_media_type": BadRequest,
    "empty_image_file": BadRequest,
    "failed_to_download_image": BadRequest,
}
"""Inside a 200 stream there is no status to go by."""

_BY_STATUS: Mapping[int, type[ProviderError]] = {
    401: CredentialRefused,
    402: QuotaExhausted,
    403: CredentialRefused,
    408: ServerFault,
    409: ServerFault,
    429: RateLimited,
    499: ServerFault,  # says that we went away, which we did not
    503: Overloaded,
    529: Overloaded,
}

_REFUSALS = (400, 413, 422)


def classify(status: int | None, codes: tuple[str, ...], message: str) -> type[ProviderError]:
    """The class of an error.

    Args:
        status: HTTP status, or None when the error stands inside a 200 stream and gives none.
        codes: `code`, `type` and inner codes of the error object, in lower case.
        message: the provider's message, "" when it has none.
    """
    for code in codes:
        if code in _BY_CODE:
            return _BY_CODE[code]
    if (told := _by_phrase(status, message)) is not None:
        return told
    if status is None:
        return next((_BY_CODE_IN_STREAM[code] for code in codes if code in _BY_CODE_IN_STREAM), ServerFault)
    return _BY_STATUS.get(status) or (BadRequest if 400 <= status < 500 else ServerFault)  # noqa: PLR2004 the 4xx


def _by_phrase(status: int | None, message: str) -> type[ProviderError] | None:
    """The class that a message tells where the codes with it are general; mostly None."""
    if message.startswith(_QUOTA_BEGINNINGS):
        return QuotaExhausted
    if status == 429 and message.startswith("Request too large"):  # noqa: PLR2004 HTTP's own number
        return BadRequest  # larger than a whole minute's tokens: it cannot succeed unchanged
    if status is not None and status not in _REFUSALS:
        return None
    lower = message.lower()
    if any(phrase in lower for phrase in _CONTEXT_PHRASES):
        return ContextTooLong
    return ContentPolicy if _POLICY_PHRASE in lower else None


def error_in_body(
    body: bytes,
    *,
    provider: str,
    status: int,
    request_id: str | None,
    retry_after_seconds: float | None,
    redact: Callable[[str], str],
    should_retry: bool | None = None,
) -> ProviderError:
    """The error of a response whose status is not 200. Providers do not bill those.

    `redact` takes our credentials out of what the provider says, before it is cut.
    """
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        parsed = None  # a proxy's page: the status is all there is
    codes, message = _read(parsed, redact)
    return classify(status, _lower(codes), message)(
        f"{provider} answered {status}{': ' if message else ''}{cut(message)}",
        provider=provider,
        status_code=status,
        provider_code=cut(codes[0]) if codes else None,
        request_id=request_id or _request_id(parsed, redact),
        retry_after_seconds=retry_after_seconds,
        should_retry=should_retry,
        may_have_cost=False,
    )


def error_in_stream(
    error: Any, *, provider: str, request_id: str | None, redact: Callable[[str], str]
) -> ProviderError:
    """The error of an error object inside a 200 response; what came before it may be billed."""
    codes, message = _read({"error": error}, redact)
    status = next((int(code) for code in codes if code in _STATUS_TEXTS), None)
    return classify(status, _lower(codes), message)(
        f"{provider} broke off: {cut(message) or 'without a message'}",
        provider=provider,
        status_code=200,
        provider_code=cut(codes[0]) if codes else None,
        request_id=request_id,
        may_have_cost=True,
    )


_STATUS_TEXTS = frozenset(str(status) for status in range(400, 600))


def _read(body: Any, redact: Callable[[str], str]) -> tuple[list[str], str]:
    """Codes, the most telling first, and message of an error body; servers differ in everything but the names."""
    if isinstance(body, list) and body:
        body = body[0]  # Gemini
    if not isinstance(body, dict):
        return [], ""
    error = body.get("error", body)  # vLLM once sent the object itself
    if isinstance(error, str):
        return [], redact(error)
    if not isinstance(error, dict):
        return [], ""
    inner, details = error.get("innererror"), error.get("details")
    found = [
        error.get("code"),
        error.get("type"),
        inner.get("code") if isinstance(inner, dict) else None,  # Azure
        details.get("error_code") if isinstance(details, dict) else None,  # Anthropic
    ]
    # Numbers go last: they repeat the status.
    codes = sorted((redact(str(code)) for code in found if isinstance(code, (str, int)) and code), key=str.isdigit)
    message = error.get("message")
    return codes, redact(message) if isinstance(message, str) else ""


def _request_id(body: Any, redact: Callable[[str], str]) -> str | None:
    """Anthropic's error bodies name the response, too, which survives a proxy that drops its header."""
    found = body.get("request_id") if isinstance(body, dict) else None
    return cut(redact(found)) if isinstance(found, str) and found else None


def _lower(codes: list[str]) -> tuple[str, ...]:
    return tuple(code.lower() for code in codes)


def cut(text: str) -> str:
    """A provider's words in one line, cut to what a sentence can hold."""
    text = " ".join(text.split())
    return text if len(text) <= _SENTENCE_CHARACTERS else text[: _SENTENCE_CHARACTERS - 1] + "…"
