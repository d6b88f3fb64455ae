"""What a streamed answer of OpenAI's older APIs (Chat Completions and text completions) is asked to tell."""

from typing import Any

__all__ = ["stream_options"]


def stream_options(*, is_openai: bool) -> dict[str, Any]:
    """The usage at the end. OpenAI's own server is asked not to pad its chunks; others may not know this option."""
    return {"include_usage": True, **({"include_obfuscation": False} if is_openai else {})}
