"""The bundled requests: short texts as four tenants might send them, and two records that are no requests."""

from dataclasses import dataclass
from importlib.resources import files

from streamproc.records.codec import RequestDecoder
from streamproc.settings.worker import LimitSettings

__all__ = ["Bundled", "bundled_requests"]

_NO_REQUESTS = (
    ("typo-001", b'{"request_id": "typo-001", "model": "mock", "max_tokens": 40, "messages": [{"role": "user"}]}'),
    ("torn-001", b'{"request_id": "torn-001", "tenant": "kestrel", "mess'),
)
"""What a sender's mistake looks like: a field by the name it has elsewhere, and bytes that are no JSON."""


@dataclass(frozen=True, slots=True)
class Bundled:
    """A record for the request topic; `prompt` is the user's text, empty where there is none."""

    request_id: str
    value: bytes
    prompt: str


def bundled_requests() -> tuple[Bundled, ...]:
    """All of them, in the order in which they are sent; the order of requests.jsonl mixes tenants and kinds."""
    limits = LimitSettings()
    decoder = RequestDecoder(
        max_bytes=limits.max_request_bytes,
        max_messages=limits.max_messages,
        max_output_tokens=limits.max_output_tokens,
    )
    found = []
    for line in files(__package__).joinpath("requests.jsonl").read_bytes().splitlines():
        request = decoder.decode(line)
        prompt = request.messages[-1].content
        found.append(Bundled(request.request_id, line, prompt if isinstance(prompt, str) else ""))
    half = len(found) // 2
    return (*found[:half], *(Bundled(name, value, "") for name, value in _NO_REQUESTS), *found[half:])
