"""A result as an OpenAI Batch API output line (https://platform.openai.com/docs/guides/batch)."""

from typing import Any

from streamproc.records.codec import encode_json
from streamproc.records.result import Result
from streamproc.records.vector import decode_vector

__all__ = ["encode_batch_output"]


def encode_batch_output(result: Result) -> bytes:
    """One JSON line, without the line end: `custom_id` is the request id, `id` is the run id."""
    line: dict[str, Any] = {"id": result.run_id, "custom_id": result.request_id, "response": None, "error": None}
    if result.status == "completed":
        line["response"] = {"status_code": 200, "request_id": result.run_id, "body": _body(result)}
    else:
        code = result.error.code if result.error else result.status
        sentence = result.error.sentence if result.error else result.status
        line["error"] = {"code": code, "message": sentence}
    return encode_json(line)


def _body(result: Result) -> dict[str, Any]:
    return _completion(result) if result.embeddings is None else _embeddings(result)


def _embeddings(result: Result) -> dict[str, Any]:
    vectors = [decode_vector(vector) for vector in result.embeddings or []]
    tokens = result.input_tokens
    return {
        "object": "list",
        "data": [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(vectors)],
        "model": result.model,
        "usage": None if tokens is None else {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _completion(result: Result) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": result.text}
    if result.tool_calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in result.tool_calls
        ]
    usage = None
    if result.input_tokens is not None and result.output_tokens is not None:
        usage = {
            "prompt_tokens": result.input_tokens,
            "completion_tokens": result.output_tokens,
            "total_tokens": result.input_tokens + result.output_tokens,
        }
    return {
        "id": result.run_id,
        "object": "chat.completion",
        "created": int(result.finished_at.timestamp()),
        "model": result.model,
        "choices": [{"index": 0, "message": message, "finish_reason": result.finish_reason}],
        "usage": usage,
    }
