"""What the mock provider sends instead of an answer: errors in each API's own form, hints, pages of proxies."""

from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from types import MappingProxyType

import pytest

from streamproc.mock.faults.catalogue import FAULTS
from streamproc.mock.faults.fault import Refusing
from streamproc.mock.faults.replies import go_duration
from streamproc.mock.server import MockServer
from tests.unit.mock.wire import ASKED, SHAPES_OF_PATHS, Shown, show

NOW = 1_764_000_000
STATUSES = (400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529)

ANTHROPIC_TYPES: Mapping[int, str] = MappingProxyType(
    {
        401: "authentication_error",
        403: "permission_error",
        404: "not_found_error",
        409: "conflict_error",
        413: "request_too_large",
        429: "rate_limit_error",
        504: "timeout_error",
        529: "overloaded_error",
    }
)


def error_of(shown: Shown) -> tuple[str, str]:
    """Type and code of an error in the form of its API; Ollama's is a string, and has neither."""
    assert shown.is_whole
    assert shown.headers["content-type"] == "application/json"
    body = shown.json
    if shown.path.startswith("/api"):
        assert set(body) == {"error"}
        assert isinstance(body["error"], str)
        return "", ""
    if shown.path == "/v1/messages":
        assert (set(body), body["type"], body["request_id"]) == (
            {"type", "error", "request_id"},
            "error",
            shown.call.id,
        )
        assert shown.headers["request-id"] == shown.call.id
        return body["error"]["type"], body["error"].get("details", {}).get("error_code", "")
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert shown.headers["x-request-id"] == shown.call.id
    return body["error"]["type"], body["error"]["code"]


@pytest.mark.parametrize("path", ASKED)
async def test_error_statuses(mock: MockServer, path: str) -> None:
    """Each comes with its status in the form of its API; nothing but the call is on the bill."""
    for status in STATUSES:
        shown = await show(mock, path, f"mock-e{status}", is_streamed=False)
        assert shown.status == status
        kind, code = error_of(shown)
        if path == "/v1/messages":
            usual = "api_error" if status >= 500 else "invalid_request_error"
            assert kind == ANTHROPIC_TYPES.get(status, usual)
        elif not path.startswith("/api"):
            assert code == shown.call.outcome
        assert (shown.call.fault, shown.call.shape) == (f"e{status}", SHAPES_OF_PATHS[path])
        assert (shown.call.input_tokens, shown.call.output_tokens) == (0, 0)
        assert ("retry-after" in shown.headers) is (status in {429, 503})  # by the settings


def _slow_down(shown: Shown) -> None:
    assert shown.status == 429
    kind, code = error_of(shown)
    assert (kind, code) in {("requests", "rate_limit_exceeded"), ("rate_limit_error", ""), ("", "")}


def _hints(shown: Shown) -> dict[str, str]:
    return {name: value for name, value in shown.headers.items() if "retry" in name or "ratelimit" in name}


def _in_seconds(shown: Shown) -> None:
    _slow_down(shown)
    assert _hints(shown) == {"retry-after": "7"}


def _with_date(shown: Shown) -> None:
    _slow_down(shown)
    (date,) = _hints(shown).values()
    assert date.endswith(" GMT")
    assert parsedate_to_datetime(date).timestamp() == NOW + 7


def _in_milliseconds(shown: Shown) -> None:
    _slow_down(shown)
    assert _hints(shown) == {"retry-after-ms": "1500"}


def _with_reset(shown: Shown) -> None:
    _slow_down(shown)
    if shown.path == "/v1/messages":
        assert _hints(shown)["anthropic-ratelimit-requests-reset"] == "2025-11-24T16:06:00Z"
    else:
        assert _hints(shown) == {
            "x-ratelimit-limit-requests": "60",
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": "6m0s",
        }


def _bare(shown: Shown) -> None:
    _slow_down(shown)
    assert _hints(shown) == {}


def _of_quota(shown: Shown) -> None:
    is_anthropic = shown.path == "/v1/messages"
    assert shown.status == (402 if is_anthropic else 429)
    assert error_of(shown) in {("billing_error", ""), ("insufficient_quota", "insufficient_quota"), ("", "")}


def _of_credit(shown: Shown) -> None:
    assert shown.status == (402 if shown.path == "/v1/messages" else 429)
    assert error_of(shown) in {("billing_error", ""), ("insufficient_quota", "credit_balance_exhausted"), ("", "")}


def _of_organization(shown: Shown) -> None:
    assert shown.status == (402 if shown.path == "/v1/messages" else 429)
    assert error_of(shown) in {
        ("billing_error", ""),
        ("insufficient_quota", "organization_spend_limit_exceeded"),
        ("", ""),
    }


def _of_spend_limit(shown: Shown) -> None:
    assert shown.status == 429
    assert _hints(shown) == {}
    assert error_of(shown) in {
        ("rate_limit_error", "enforced_spend_limit_reached"),
        ("insufficient_quota", "project_spend_limit_exceeded"),
        ("", ""),
    }


def _of_own_cap(shown: Shown) -> None:
    assert shown.status == (400 if shown.path == "/v1/messages" else 429)
    assert error_of(shown) in {
        ("invalid_request_error", ""),
        ("insufficient_quota", "organization_usage_limit_exceeded"),
        ("", ""),
    }


def _too_long(shown: Shown) -> None:
    assert shown.status == 400
    assert error_of(shown) in {
        ("invalid_request_error", ""),
        ("invalid_request_error", "context_length_exceeded"),
        ("", ""),
    }
    assert any(
        words in shown.body for words in (b"maximum context length", b"prompt is too long: ", b"context length:")
    )


def _page_of_proxy(shown: Shown) -> None:
    assert (shown.status, shown.headers["content-type"], shown.is_whole) == (502, "text/html", True)
    assert shown.body.startswith(b"<!DOCTYPE html>")


def _login(shown: Shown) -> None:
    assert (shown.status, shown.headers["content-type"], shown.is_whole) == (200, "text/html", True)
    assert shown.body.startswith(b"<!DOCTYPE html>")


def _empty(shown: Shown) -> None:
    assert (shown.status, shown.headers["content-length"], shown.body) == (200, "0", b"")


def _redirected(shown: Shown) -> None:
    assert (shown.status, shown.headers["location"]) == (307, "/moved")


CHECKS: Mapping[str, tuple[str, Callable[[Shown], None]]] = MappingProxyType(
    {
        "limitseconds": ("limitseconds7", _in_seconds),
        "limitdate": ("limitdate7", _with_date),
        "limitms": ("limitms1500", _in_milliseconds),
        "limitreset": ("limitreset360000", _with_reset),
        "limitbare": ("limitbare", _bare),
        "quota": ("quota", _of_quota),
        "nocredit": ("nocredit", _of_credit),
        "orglimit": ("orglimit", _of_organization),
        "spendlimit": ("spendlimit", _of_spend_limit),
        "owncap": ("owncap", _of_own_cap),
        "toolong": ("toolong", _too_long),
        "html": ("html", _page_of_proxy),
        "page": ("page", _login),
        "empty": ("empty", _empty),
        "redirect": ("redirect", _redirected),
    }
)


def test_no_refusal_is_left_out() -> None:
    """`e` has a test of its own."""
    assert {*CHECKS, "e"} == {name for name, fault in FAULTS.items() if isinstance(fault, Refusing)}


@pytest.mark.parametrize("name", CHECKS)
async def test_a_refusal_on_the_wire(mock: MockServer, name: str) -> None:
    """In every shape; the call is on the bill without tokens."""
    part, check = CHECKS[name]
    for path in ASKED:
        shown = await show(mock, path, f"mock-{part}", is_streamed=True)
        check(shown)
        assert (shown.call.fault, shown.call.input_tokens, shown.call.output_tokens) == (part, 0, 0)
        assert shown.call.outcome not in {"completed", "cut", "cancelled"}


def test_durations_as_go_writes_them() -> None:
    """Milliseconds, seconds with a fraction, minutes, hours."""
    assert [go_duration(number) for number in (12, 1500, 360_000, 3_600_000, 3_661_500)] == [
        "12ms",
        "1.5s",
        "6m0s",
        "1h0m0s",
        "1h1m1.5s",
    ]
