"""The deferral: a run on its way from its request topic to the topic of deferred runs, and back into a worker.

The value is the request in our own form; what the run is, and what was used up for it so far, stands in a header.
"""

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field, StringConstraints

from streamproc.errors import InvalidRequest
from streamproc.records.codec import encode, rfc3339
from streamproc.records.headers import event_headers
from streamproc.records.identity import RUN_ID_PATTERN, RunId
from streamproc.records.outgoing import Headers, Outgoing
from streamproc.records.request import Request
from streamproc.records.shapes import Name, Nanos, Written
from streamproc.records.usage import UsageLine

__all__ = ["DEFERRAL_HEADER", "Deferral", "deferral_of", "deferred_record"]

DEFERRAL_HEADER = "deferral"

_Attempt = Annotated[int, Field(ge=0, lt=2**53)]
_Count = Annotated[int, Field(ge=0, lt=2**31)]
_UnixSeconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Deferral(Written):
    """What a deferred run takes along. It goes on where it was: nothing is counted or granted anew.

    Attributes:
        run_id: of the record on the request topic; the run keeps it.
        tenant: whom the run is billed to; pinned by the source, or the request's own.
        attempt: the last one that was known; the next is higher.
        not_before: unix seconds; the run takes no slot before it.
        deadline: unix seconds; the run is `expired` after it.
        spent_nanos: the most its calls so far can have cost.
        calls: made so far.
        lost_attempts: those of them that were lost and may have been billed.
        waits: how often it went back to wait for a provider.
        crashes: how many workers died in its calls.
        lines: usage lines of its calls. They are published; the result sums them up with those to come.
    """

    run_id: Annotated[str, StringConstraints(pattern=f"^{RUN_ID_PATTERN}$")]
    tenant: Name
    attempt: _Attempt
    not_before: _UnixSeconds
    deadline: _UnixSeconds
    spent_nanos: Nanos = 0
    calls: _Count = 0
    lost_attempts: _Count = 0
    waits: _Count = 0
    crashes: _Count = 0
    lines: tuple[UsageLine, ...] = ()


def deferred_record(
    request: Request, deferral: Deferral, trace: bytes | None, replay_of: str | None, now: float
) -> Outgoing:
    """A run as a record for the topic of deferred runs; `now` in unix seconds."""
    headers: Headers = (
        *event_headers("deferred", deferral.run_id, rfc3339(now), trace),
        *(() if replay_of is None else (("replay_of", replay_of.encode()),)),
        (DEFERRAL_HEADER, encode(deferral)),
    )
    return Outgoing("deferred", request.request_id.encode(), encode(request), headers)


def deferral_of(headers: Iterable[tuple[str, bytes | None]], partition: int) -> Deferral:
    """The deferral among the headers of a record that stands in this partition.

    Raises:
        InvalidRequest: there is none, it is damaged, or its run belongs to another partition, where its results go.
    """
    found = [value for name, value in headers if name == DEFERRAL_HEADER]
    try:
        (value,) = found
        deferral = Deferral.model_validate_json(value or b"")
    except ValueError as exc:
        raise InvalidRequest(
            f"the record has no valid header {DEFERRAL_HEADER}: only workers write to this topic",
            code="invalid_deferral",
        ) from exc
    run_id = RunId.parse(deferral.run_id)
    if run_id.partition != partition:
        raise InvalidRequest(
            f"header {DEFERRAL_HEADER} names a run of partition {run_id.partition}, and the record is in {partition}",
            code="invalid_deferral",
        )
    return deferral
