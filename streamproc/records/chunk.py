"""The chunk: a piece of an answer while it is produced."""

from typing import Literal

from streamproc.records.shapes import Written

__all__ = ["Chunk", "ChunkKind"]

ChunkKind = Literal["start", "text", "reasoning", "tool_call", "end"]


class Chunk(Written):
    """One piece of the answer of one attempt.

    `seq` counts 0, 1, 2 … within an attempt, `start` and `end` included; a higher `attempt` starts the answer
    anew. `char_offset` is the number of characters (code points) of the same kind, or of the same tool call, before
    this piece. For
    `tool_call`, `text` is a piece of the arguments, `tool_index` says of which call; id and name come once.
    """

    run_id: str
    request_id: str
    tenant: str
    attempt: int
    seq: int
    kind: ChunkKind
    text: str = ""
    char_offset: int = 0
    tool_index: int | None = None
    tool_call_id: str | None = None
    tool_name: str | None = None
