"""The origin of a response: what every error about it names."""

from collections.abc import Callable
from typing import Any, NamedTuple

from streamproc.errors import IncompleteStream, MalformedStream, ProviderError
from streamproc.providers.error_classes import cut, error_in_stream

__all__ = ["Origin"]


class Origin(NamedTuple):
    """Whose response it is, and the provider's own id of it. `redact` takes our credentials out of a text."""

    provider: str
    request_id: str | None
    redact: Callable[[str], str]

    def malformed(self, what: str) -> MalformedStream:
        """The error for a response that is not what was asked for; `what` may repeat what came, of any length."""
        return MalformedStream(
            f"{self.provider} sent {cut(self.redact(what))}",
            provider=self.provider,
            status_code=200,
            request_id=self.request_id,
        )

    def incomplete(self, missing: str) -> IncompleteStream:
        """The error for an answer that ended without this."""
        return IncompleteStream(
            f"{self.provider}: the answer ended without {missing}",
            provider=self.provider,
            status_code=200,
            request_id=self.request_id,
        )

    def broke_off(self, error: Any) -> ProviderError:
        """The error for an error object inside a 200 response."""
        return error_in_stream(error, provider=self.provider, request_id=self.request_id, redact=self.redact)
