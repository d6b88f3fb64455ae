"""The result: exactly one terminal record for each run."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from streamproc.records.shapes import Nanos, Tokens, Written
from streamproc.records.usage import CacheState

__all__ = ["Failure", "Result", "ResultReasoning", "ResultToolCall", "Status", "Timings"]

Status = Literal["completed", "failed", "rejected", "cancelled", "expired"]


class ResultToolCall(Written):
    """A tool call the model asked for; `arguments` is the model's own text.

    `continues` is true in a part of a result whose `arguments` go on with the call that came before.
    """

    id: str | None = None
    name: str
    arguments: str
    continues: Literal[True] | None = None


class ResultReasoning(Written):
    """A piece of reasoning in the form in which a request sends it back: text with its signature, or redacted data.

    `continues` is true in a part of a result whose text, signature or data go on with the piece that came before.
    """

    text: str | None = None
    signature: str | None = None
    redacted: str | None = None
    continues: Literal[True] | None = None


class Failure(Written):
    """Why a run did not complete: the error's class, its code and one sentence."""

    error_class: str = Field(alias="class")
    code: str
    sentence: str


class Timings(Written):
    """Seconds from taking the record to the first token and to the end; None where there was none."""

    first_token_seconds: float | None = None
    total_seconds: float


class Result(Written):
    """The terminal record of a run.

    `attempt` and `chunk_count` name the chunks that belong to this answer (`chunk_count` is 0 when it was not
    streamed). `reasoning_parts` is there if the provider signs or redacts its reasoning: a tool loop has to send it
    back. `embeddings` are the vectors of the request's `input`, in its order, as text (`records.vector`).
    Tokens and cost are the sums over the run's usage lines; None where one of them is not known. `cache` is there if
    the answer came without a call of this run's own. `route` and `variant` are what was chosen for a request that names
    a route; `provider` and `model` say who answered, and `degraded` whether that was another than the variant's first
    choice.
    An answer above the record limit comes in parts, numbered from 0 of `parts`, all with the same run id: the text
    is the parts' texts joined, and what is no text or list stands in part 0.
    """

    run_id: str
    request_id: str | None = None
    tenant: str | None = None
    status: Status
    attempt: int | None = None
    chunk_count: int = 0
    text: str | None = None
    reasoning: str | None = None
    reasoning_parts: list[ResultReasoning] | None = None
    embeddings: list[str] | None = None
    tool_calls: list[ResultToolCall] | None = None
    finish_reason: str | None = None
    provider: str | None = None
    model: str | None = None
    route: str | None = None
    variant: str | None = None
    degraded: bool | None = None
    input_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    cost_nanos: Nanos | None = None
    calls: int = 0
    cache: CacheState | None = None
    timings: Timings | None = None
    error: Failure | None = None
    input_hash: str | None = None
    replay_of: str | None = None
    metadata: dict[str, str] | None = None
    finished_at: datetime
    part: int = 0
    parts: int = 1
