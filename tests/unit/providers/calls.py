"""Calls for the tests of providers."""

from typing import Any

from streamproc.chain.call import Call, Progress
from streamproc.chain.journal import MemoryJournal
from streamproc.records.request import Request

__all__ = ["a_call"]


def a_call(**fields: Any) -> Call:
    """A call whose request has these fields over the usual ones; without `text` and `input` it is a conversation."""
    request = {"request_id": "r-1", "model": "m", **fields}
    if not {"text", "input"} & fields.keys():
        request.setdefault("messages", [{"role": "user", "content": "say it"}])
    return Call(
        run_id="llm.requests/0/1@1",
        tenant="default",
        request=Request.model_validate(request),
        model="gpt-x",
        max_output_tokens=100,
        prompt_bytes=100,
        input_hash="0" * 64,
        deadline=2e9,
        progress=Progress(attempt=1000),
        journal=MemoryJournal(),
    )
