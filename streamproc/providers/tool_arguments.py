"""The arguments of a tool call that is sent back, for APIs that want them as an object and not as the model's text."""

import orjson

from streamproc.providers.refusal import unsupported
from streamproc.records.message import ToolCall

__all__ = ["arguments_of"]


def arguments_of(call: ToolCall) -> orjson.Fragment:
    """The object, in the model's own words; no text at all stands for an empty one.

    Written anew, a number of more than 64 bits would be another one, and what is nested deeply is not written at all.

    Raises:
        InvalidRequest: the text is no JSON object.
    """
    said = call.function.arguments
    if not said.strip():
        return orjson.Fragment(b"{}")
    try:
        found = orjson.loads(said)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise unsupported(
            f"messages: the arguments of tool call {call.id!r} are no JSON object, as this API wants them"
        )
    return orjson.Fragment(said)
