"""Which path speaks which API shape."""

from collections.abc import Mapping
from types import MappingProxyType

from streamproc.mock.shapes.anthropic import ANTHROPIC_MESSAGES
from streamproc.mock.shapes.embeddings import OLLAMA_EMBED, OPENAI_EMBEDDINGS
from streamproc.mock.shapes.ollama import OLLAMA_CHAT, OLLAMA_GENERATE
from streamproc.mock.shapes.openai_chat import OPENAI_CHAT
from streamproc.mock.shapes.openai_completions import OPENAI_COMPLETIONS
from streamproc.mock.shapes.openai_responses import OPENAI_RESPONSES
from streamproc.mock.shapes.shape import Shape

__all__ = ["SHAPES"]

SHAPES: Mapping[str, Shape] = MappingProxyType(
    {
        "/v1/chat/completions": OPENAI_CHAT,
        "/v1/responses": OPENAI_RESPONSES,
        "/v1/completions": OPENAI_COMPLETIONS,
        "/v1/messages": ANTHROPIC_MESSAGES,
        "/api/chat": OLLAMA_CHAT,
        "/api/generate": OLLAMA_GENERATE,
        "/v1/embeddings": OPENAI_EMBEDDINGS,
        "/api/embed": OLLAMA_EMBED,
    }
)
