"""Record headers: CloudEvents 1.0 in Kafka's binary mode, and the W3C trace context that is passed on.

Sources: https://github.com/cloudevents/spec (Kafka protocol binding 1.0.2), https://www.w3.org/TR/trace-context/.
"""

import re
from collections.abc import Iterable

from streamproc.errors import InvalidRequest
from streamproc.records.identity import RunId
from streamproc.records.outgoing import Headers

__all__ = ["REQUEST_TYPE", "SOURCE", "check_request_headers", "event_headers", "passed_on", "replay_of", "trace_of"]

SOURCE = b"/streamproc"
REQUEST_TYPE = "streamproc.request.v1"

_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_REQUEST_TYPE = re.compile(r"streamproc\.request\.v(\d{1,9})", re.ASCII)


def event_headers(kind: str, event_id: str, time: str, trace: bytes | None) -> Headers:
    """Headers of a record of ours; `kind` is the noun in `ce_type`, `time` is RFC 3339."""
    headers: Headers = (
        ("ce_specversion", b"1.0"),
        ("ce_id", event_id.encode()),
        ("ce_type", f"streamproc.{kind}.v1".encode()),
        ("ce_source", SOURCE),
        ("ce_time", time.encode()),
        ("content-type", b"application/json"),
    )
    return headers if trace is None else (*headers, ("traceparent", trace))


def check_request_headers(headers: Iterable[tuple[str, bytes | None]]) -> None:
    """Refuses a request whose own headers say that it is something we do not read. No headers are fine.

    Raises:
        InvalidRequest: another version, another kind of event, or a content type that is not JSON.
    """
    for name, value in headers:
        text = (value or b"").decode("utf-8", "replace")
        if name == "ce_type":
            version = _REQUEST_TYPE.fullmatch(text)
            if version is None:
                raise InvalidRequest(f"header ce_type is {text[:80]!r}, not {REQUEST_TYPE}", code="unknown_type")
            if version[1] != "1":
                raise InvalidRequest(
                    f"header ce_type names request version {version[1]}; this worker reads version 1",
                    code="unknown_version",
                )
        elif name == "content-type" and "json" not in text.lower():
            raise InvalidRequest(f"header content-type is {text[:80]!r}; a request is JSON", code="unknown_type")


def passed_on(headers: Iterable[tuple[str, bytes | None]]) -> tuple[tuple[str, bytes | None], ...]:
    """Those of a request's headers that outlive its record: they say where it comes from, and not what it is."""
    return tuple(header for header in headers if header[0] in ("traceparent", "replay_of"))


def trace_of(headers: Iterable[tuple[str, bytes | None]]) -> bytes | None:
    """The sender's `traceparent`, if it is well formed."""
    for name, value in headers:
        if name == "traceparent" and value is not None and _TRACEPARENT.fullmatch(value):
            return value
    return None


def replay_of(headers: Iterable[tuple[str, bytes | None]]) -> str | None:
    """The run that this one repeats: the header `replay_of`, if it holds a run id."""
    for name, value in headers:
        if name == "replay_of" and value is not None:
            try:
                return str(RunId.parse(value.decode("ascii", "replace")))
            except InvalidRequest:
                return None
    return None
