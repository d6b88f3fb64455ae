"""An error object inside a stream of OpenAI's older shapes (Chat Completions and completions)."""

from streamproc.mock.answer import Answer
from streamproc.mock.api_error import ApiError
from streamproc.mock.dialects import openai_error
from streamproc.mock.framing import sse

__all__ = ["openai_stream_error"]


def openai_stream_error(answer: Answer, tokens: int, error: ApiError) -> bytes:
    """The event; it says nothing of what came before it."""
    del answer, tokens
    return sse(openai_error(error))
