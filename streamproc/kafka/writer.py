"""The chunk writer: one run's stream. First token at once, later ones joined, `end` when the answer is whole."""

from typing import NamedTuple

from streamproc.chain.answer import Answer
from streamproc.chain.provider import Event, Reasoning, Restarted, Text, ToolCallPart
from streamproc.chain.run import Run
from streamproc.kafka.lane import Lane
from streamproc.records.chunk import ChunkKind
from streamproc.records.codec import chunk_head, encode_chunk
from streamproc.records.headers import SOURCE
from streamproc.records.outgoing import Headers

__all__ = ["ChunkWriter", "Coalescing"]

# A chunk stays far below any topic's record limit, also when each character takes six bytes in JSON.
_MAX_CHUNK_CHARACTERS = 65_536

# `start` and the first piece. Of the others nobody sees whether they come a few milliseconds later.
_HURRYING = 2


class Coalescing(NamedTuple):
    """Tokens after the first wait up to `seconds` for company, or until there are `characters` of them."""

    enabled: bool
    seconds: float
    characters: int


class ChunkWriter:
    """Writes the chunks of the run's current attempt. `chunk_count` counts those of this attempt."""

    def __init__(self, lane: Lane, run: Run, answer: Answer, coalescing: Coalescing) -> None:
        self._lane = lane
        self._run = run
        self._answer = answer
        self._joins = coalescing.enabled
        self._seconds = coalescing.seconds
        self._characters = coalescing.characters
        self._key = run.request.request_id.encode()
        self._headers: Headers = (
            ("ce_specversion", b"1.0"),
            ("ce_type", b"streamproc.chunk.v1"),
            ("ce_source", SOURCE),
            ("content-type", b"application/json"),
        )
        if run.trace is not None:
            self._headers = (*self._headers, ("traceparent", run.trace))
        self._last = 0
        self._clear()
        lane.writers.add(self)

    def _clear(self) -> None:
        run, attempt = self._run, self._run.progress.attempt
        self._head = chunk_head(str(run.id), run.request.request_id, run.tenant, attempt)
        self._id_head = f"{run.id}/{attempt}/".encode()
        self._started = self._ended = False
        self._pending: list[str] = []
        self._pending_size = 0
        self._offsets: dict[ChunkKind | int, int] = {}  # by kind, and for tool calls by index
        self.chunk_count = 0

    def _put(self, kind: ChunkKind, text: str = "", char_offset: int = 0, tool: ToolCallPart | None = None) -> None:
        seq = self.chunk_count
        fields: dict[str, int | str | None] | None = None
        if tool is not None:
            fields = {"tool_index": tool.index, "tool_call_id": tool.id, "tool_name": tool.name}
        value = encode_chunk(self._head, seq, kind, text, char_offset, fields)
        self.chunk_count = seq + 1
        ce_id = b"%b%d" % (self._id_head, seq)
        self._last = self._lane.append(self._key, value, self._headers, ce_id, can_wait=seq >= _HURRYING)

    def _start(self) -> None:
        # `start` travels with the first piece: alone it would put a round trip before the first token.
        if not self._started:
            self._started = True
            self._put("start")

    def text(self, piece: str) -> None:
        """A piece of the answer."""
        if not self._joins or self.chunk_count < _HURRYING:
            if self._pending:
                self.flush_text()
            if not self._started:
                self._start()
            self._put_text("text", piece)
            return
        self._pending.append(piece)
        self._pending_size += len(piece)
        if self._pending_size >= self._characters:
            self.flush_text()
        elif len(self._pending) == 1:
            self._lane.flush_later(self, self._seconds)

    def _put_text(self, kind: ChunkKind, piece: str) -> None:
        offset = self._offsets.get(kind, 0)
        if len(piece) <= _MAX_CHUNK_CHARACTERS:  # nearly always, and once for every token
            if piece:
                self._put(kind, piece, offset)
        else:
            for begin in range(0, len(piece), _MAX_CHUNK_CHARACTERS):
                self._put(kind, piece[begin : begin + _MAX_CHUNK_CHARACTERS], offset + begin)
        self._offsets[kind] = offset + len(piece)

    def flush_text(self) -> None:
        """Sends the text that waits for company."""
        if self._pending:
            joined = "".join(self._pending)
            self._pending.clear()
            self._pending_size = 0
            self._put_text("text", joined)

    def take(self, event: Event) -> None:
        """An event of the call: the pieces of the answer are written, and nothing of what is lost with its attempt."""
        if type(event) is Text:
            self.text(event.text)
        elif isinstance(event, Restarted):
            self.restart()
        elif isinstance(event, Reasoning | ToolCallPart):
            self.write(event)

    def write(self, event: Text | Reasoning | ToolCallPart) -> None:
        """A piece of any kind."""
        if type(event) is Text:
            self.text(event.text)
            return
        self.flush_text()
        self._start()
        if isinstance(event, Reasoning):
            self._put_text("reasoning", event.text)
        elif isinstance(event, ToolCallPart):
            # Long arguments are cut like text; index, id and name repeat, which a reader that joins by index ignores.
            for begin in range(0, max(len(event.arguments), 1), _MAX_CHUNK_CHARACTERS):
                piece = event.arguments[begin : begin + _MAX_CHUNK_CHARACTERS]
                offset = self._offsets.get(event.index, 0)
                self._put("tool_call", piece, offset, tool=event)
                self._offsets[event.index] = offset + len(piece)

    def end(self) -> None:
        """The generation is finished; the result will confirm it."""
        self.flush_text()
        self._start()
        self._ended = True
        self._put("end")

    def restart(self) -> None:
        """The attempt in `run.progress` is a new one: start again from `seq` 0."""
        self._clear()

    def republish(self) -> None:
        """Chunks may be lost: a new attempt says everything again. Nothing is bought again."""
        ended, started = self._ended, self._started
        if not started:
            return
        self._run.progress.restart()
        self._clear()
        if self._answer.reasoning:
            self.write(Reasoning(self._answer.reasoning))
        for part in self._answer.tool_call_parts:
            self.write(part)
        if self._answer.text:
            self.text(self._answer.text)
        if ended:
            self.end()

    async def acknowledged(self) -> None:
        """Waits until every chunk of the attempt is stored in Kafka."""
        while True:
            last = self._last
            await self._lane.acknowledgement(last)
            if self._last == last:
                return

    def close(self) -> None:
        """The run is over, in whatever way; text that waited for company is not sent any more."""
        self._pending.clear()
        self._pending_size = 0
        self._lane.writers.discard(self)
