"""Events of Responses, and the response that some of them carry."""

from typing import Any

import orjson

from tests.faults.cases.case import MISSING

__all__ = ["BEGIN", "ITEM_DONE", "USAGE", "body", "ending", "event", "incomplete", "message", "named", "token"]

USAGE = {"input_tokens": 7, "output_tokens": 2, "total_tokens": 9}


def named(payload: bytes) -> bytes:
    """A frame of any payload, under the name of a piece of text."""
    return b"event: response.output_text.delta\ndata: " + payload + b"\n\n"


def event(kind: str, **fields: Any) -> bytes:
    """An event of this type, named as its type is."""
    payload = orjson.dumps({"type": kind, "sequence_number": 4, **fields})
    return b"event: " + kind.encode() + b"\ndata: " + payload + b"\n\n"


def token(text: str) -> bytes:
    """A piece of text."""
    return event(
        "response.output_text.delta", item_id="msg_1", output_index=0, content_index=0, delta=text, logprobs=[]
    )


def message(*texts: str) -> dict[str, Any]:
    """An output item of these texts."""
    content = [{"type": "output_text", "text": text, "annotations": []} for text in texts]
    return {"id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": content}


def body(status: Any = "completed", usage: Any = USAGE, **changes: Any) -> dict[str, Any]:
    """A response, as some events and every whole answer have it."""
    body = {
        "id": "resp_1",
        "object": "response",
        "status": status,
        "error": None,
        "incomplete_details": None,
        "model": "m-1",
        "output": [message("ab")],
        "usage": usage,
        **changes,
    }
    return {name: value for name, value in body.items() if value is not MISSING}


def ending(usage: Any) -> tuple[bytes, ...]:
    """Everything behind the last piece of text."""
    return (*ITEM_DONE, event("response.completed", response=body(usage=usage)))


ITEM_DONE = (
    event("response.output_text.done", item_id="msg_1", output_index=0, content_index=0, text="ab"),
    event("response.content_part.done", output_index=0, part={"type": "output_text", "text": "ab"}),
    event("response.output_item.done", output_index=0, item=message("ab")),
)
BEGIN = (
    event("response.created", response=body("in_progress", None, output=[])),
    event("response.in_progress", response=body("in_progress", None, output=[])),
    event("response.output_item.added", output_index=0, item=message()),
    event("response.content_part.added", output_index=0, part={"type": "output_text", "text": ""}),
)


def incomplete(details: Any) -> dict[str, Any]:
    """A response that ended before its time."""
    return body("incomplete", incomplete_details=details)
