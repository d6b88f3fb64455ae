"""The control record: what a sender tells the workers about requests that are on their way. So far, to cancel them."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import ConfigDict, StringConstraints, model_validator

from streamproc.records.identity import RUN_ID_PATTERN
from streamproc.records.shapes import Name, RecordId, Strict

__all__ = ["Cancel"]


def _one_of(name: str) -> dict[str, Any]:
    return {"required": [name], "properties": {name: {"type": "string"}}}


class Cancel(Strict):
    """Ends one run, or the requests of a tenant with one request id that are earlier than this record.

    `tenant` has to be the run's own in both cases. Earlier is told by the timestamps of the two records; the same
    millisecond counts as earlier. A request sent later under the same id is not meant.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        json_schema_extra={"oneOf": [_one_of("run_id"), _one_of("request_id")]}
    )

    kind: Literal["cancel"]
    tenant: Name
    run_id: Annotated[str, StringConstraints(pattern=f"^{RUN_ID_PATTERN}$")] | None = None
    request_id: RecordId | None = None

    @model_validator(mode="after")
    def _names_one_thing(self) -> Self:
        if (self.run_id is None) is (self.request_id is None):
            raise ValueError("names run_id or request_id, one of them")
        return self
