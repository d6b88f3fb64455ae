"""Which class an error gets, by status, code and message, in the dialects of several servers."""

from typing import Any

import orjson
import pytest

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
from streamproc.providers.error_classes import error_in_body, error_in_stream


def error_of(status: int, body: Any) -> ProviderError:
    """What this refusal becomes."""
    return error_in_body(
        body if isinstance(body, bytes) else orjson.dumps(body),
        provider="p",
        status=status,
        request_id=None,
        retry_after_seconds=None,
        redact=str,
    )


def an_error(message: str = "m", **fields: Any) -> dict[str, Any]:
    """The usual body around an error object."""
    return {"error": {"message": message, **fields}}


CASES: list[tuple[int, Any, type[ProviderError]]] = [
    (429, an_error(type="insufficient_quota", code="credit_balance_exhausted"), QuotaExhausted),
    (429, an_error(type="insufficient_quota", code="organization_spend_limit_exceeded"), QuotaExhausted),
    (429, an_error(type="insufficient_quota", code="project_spend_limit_exceeded"), QuotaExhausted),
    (429, an_error(type="insufficient_quota", code="organization_usage_limit_exceeded"), QuotaExhausted),
    (429, an_error(type="insufficient_quota", code=None), QuotaExhausted),
    (429, an_error(code="insufficient_quota"), QuotaExhausted),
    (402, an_error("Insufficient Balance"), QuotaExhausted),
    (429, an_error(code="rate_limit_exceeded", type="requests"), RateLimited),
    (429, an_error(type="rate_limit_error", code="slow_down"), RateLimited),
    (429, b"", RateLimited),
    (429, an_error("Request too large for gpt-x on tokens per min (TPM): Limit 10, Requested 20"), BadRequest),
    (413, an_error("Request too large for model", code="rate_limit_exceeded", type="tokens"), BadRequest),
    (503, an_error(type="service_unavailable_error", code="server_is_overloaded"), Overloaded),
    (529, an_error(type="overloaded_error"), Overloaded),
    (500, an_error(type="server_error"), ServerFault),
    (502, b"<html>", ServerFault),
    (504, b"", ServerFault),
    (408, b"", ServerFault),
    (409, b"", ServerFault),
    (401, an_error(code="invalid_api_key"), CredentialRefused),
    (403, an_error(code="unsupported_country_region_territory"), CredentialRefused),
    (400, an_error(type="invalid_request_error", param="temperature"), BadRequest),
    (404, an_error(code="model_not_found"), BadRequest),
    (422, {"detail": [{"msg": "field required"}]}, BadRequest),
    (400, an_error(code="context_length_exceeded", param="messages"), ContextTooLong),
    (400, an_error("This model's maximum context length is 8 tokens.", code="invalid_request_error"), ContextTooLong),
    (400, {"object": "error", "message": "maximum context length is 8", "code": 400}, ContextTooLong),
    (400, an_error(type="exceed_context_size_error", code=400), ContextTooLong),
    (400, an_error("The input is longer than the model's context length (8)"), ContextTooLong),
    (400, an_error("This model's maximum prompt length is 8 but the request contains 9"), ContextTooLong),
    (400, {"error": "the input length exceeds the context length"}, ContextTooLong),
    (400, an_error(code="content_policy_violation"), ContentPolicy),
    (400, an_error(code="content_filter", innererror={"code": "ResponsibleAIPolicyViolation"}), ContentPolicy),
    (400, an_error(code="x", innererror={"code": "ResponsibleAIPolicyViolation"}), ContentPolicy),
    (
        400,
        an_error("Invalid prompt: your prompt was flagged as potentially violating our usage policy."),
        ContentPolicy,
    ),
    (400, [{"error": {"message": "m", "code": "context_length_exceeded"}}], ContextTooLong),
    (307, b"", ServerFault),
    (499, {"error": "request canceled"}, ServerFault),
    # Limits of an account that come under general types.
    (429, an_error(type="rate_limit_error", details={"error_code": "enforced_spend_limit_reached"}), QuotaExhausted),
    (400, an_error("You have reached your specified API usage limits. You will regain access on …"), QuotaExhausted),
    # What a prompt that is echoed can contain decides nothing.
    (400, an_error("cannot read 'Error 429: rate limit reached, overloaded'"), BadRequest),
    (500, an_error("while answering 'maximum context length'"), ServerFault),
    (429, an_error("'insufficient_quota' was in your prompt"), RateLimited),
    (400, an_error("cannot read 'Your credit balance is too low'"), BadRequest),
    # Shapes nobody should send.
    (400, b"[]", BadRequest),
    (400, b"17", BadRequest),
    (400, {"error": None}, BadRequest),
    (400, {"error": {"message": 5, "code": [1], "type": {}}}, BadRequest),
    (400, an_error(details={"error_code": ["x"]}, innererror=17), BadRequest),
]


@pytest.mark.parametrize(("status", "body", "expected"), CASES)
def test_class_of_a_refusal(status: int, body: Any, expected: type[ProviderError]) -> None:
    """The class is right, and an HTTP error status is never billed."""
    error = error_of(status, body)
    assert type(error) is expected
    assert error.status_code == status
    assert not error.may_have_cost


def test_sentence_and_code() -> None:
    """The sentence has the provider's name, the status and a cut message; the code is the telling one."""
    error = error_of(400, an_error("too\nbad " * 200, type="invalid_request_error", code=400))
    assert str(error).startswith("p answered 400: too bad too bad")
    assert str(error).endswith("…")
    assert len(str(error)) < 330
    assert error.provider_code == "invalid_request_error"
    assert str(error_of(502, b"<html>")) == "p answered 502"
    assert error_of(502, b"<html>").provider_code is None


def test_the_body_names_the_response() -> None:
    """Anthropic's does, for where a proxy drops the header; what is no text is none."""
    assert error_of(529, {**an_error(), "request_id": "req-1"}).request_id == "req-1"
    assert error_of(529, {**an_error(), "request_id": 7}).request_id is None
    assert error_of(529, {**an_error(), "request_id": ""}).request_id is None
    assert len(error_of(529, {**an_error(), "request_id": "x" * 10**5}).request_id or "") == 300


IN_STREAM: list[tuple[Any, type[ProviderError]]] = [
    *((an_error(code=code)["error"], ServerFault) for code in ("server_error", "novelty")),
    (an_error(code="rate_limit_exceeded")["error"], RateLimited),
    *(
        (an_error(code=code)["error"], ContentPolicy)
        for code in ("invalid_prompt", "bio_policy", "image_content_policy_violation")
    ),
    *(
        (an_error(code=code)["error"], BadRequest)
        for code in (
            "data_residency_mismatch",
            "vector_store_timeout",
            "invalid_image",
            "invalid_image_format",
            "invalid_base64_image",
            "invalid_image_url",
            "invalid_image_mode",
            "image_too_large",
            "image_too_small",
            "image_parse_error",
            "image_file_too_large",
            "image_file_not_found",
            "unsupported_image_media_type",
            "empty_image_file",
            "failed_to_download_image",
        )
    ),
]


@pytest.mark.parametrize(("error", "expected"), IN_STREAM)
def test_class_of_a_failed_response(error: Any, expected: type[ProviderError]) -> None:
    """Of the codes of Responses two may be tried again, and one nobody knows; all may have cost."""
    made = error_in_stream(error, provider="p", request_id=None, redact=str)
    assert type(made) is expected
    assert made.may_have_cost
