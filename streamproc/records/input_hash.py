"""The input hash: a name for what a model is asked, without what was asked."""

import hashlib

import orjson

from streamproc.records.request import Request
from streamproc.records.shapes import Strict

__all__ = ["input_hash"]

# Beside the conversation: what the model sees, or what shapes its answer. The rest (who, when, how much) is left out.
_FIELDS = (
    "model",
    "text",
    "input",
    "dimensions",
    "temperature",
    "top_p",
    "seed",
    "stop",
    "response_format",
    "tools",
    "tool_choice",
    "max_output_tokens",
    "extra",
)


def input_hash(request: Request) -> str:
    """sha256 (hexadecimal) of what the model sees and of the options that shape the answer."""
    shape = {name: value for name in _FIELDS if (value := getattr(request, name)) is not None}
    if request.messages:
        shape["messages"] = request.messages
    return hashlib.sha256(orjson.dumps(shape, default=Strict.stated, option=orjson.OPT_SORT_KEYS)).hexdigest()
