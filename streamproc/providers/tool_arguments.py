"""The arguments of a tool call that is sent back, for APIs that want them as an object and not as the model's text."""

from typing import Any

import orjson

from streamproc.providers.refusal import unsupported
from streamproc.records.message import ToolCall

__all__ = ["arguments_of"]


def arguments_of(call: ToolCall) -> dict[str, Any]:
    """The object; no text at all stands for an empty one.

    Raises:
        InvalidRequest: the text is no JSON object.
    """
    said = call.function.arguments
    if not said.strip():
        return {}
    try:
        found = orjson.loads(said)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise unsupported(
            f"messages: the arguments of tool call {call.id!r} are no JSON object, as this API wants them"
        )
    return found
