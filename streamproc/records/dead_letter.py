"""The dead letter: a record that is no valid request, untouched, with the reason in its headers."""

from streamproc.records.shapes import Written

__all__ = ["HEADER_PREFIX", "DeadLetter", "Reference"]

HEADER_PREFIX = "dlq."


class DeadLetter(Written):
    """The headers of a dead letter, each with the prefix `dlq.`; value, key and own headers stay as they came.

    With `by_reference` true the value is a `Reference`, because the original with its reason would pass the
    record limit.
    """

    reason: str
    code: str
    run_id: str
    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    by_reference: bool = False


class Reference(Written):
    """Where the original bytes are, as long as the request topic keeps them, and how to recognise them."""

    topic: str
    partition: int
    offset: int
    size_bytes: int
    sha256: str
