"""The lists of models, in the forms of OpenAI and Ollama."""

import orjson

__all__ = ["render_models", "render_tags"]


def render_models(names: tuple[str, ...], created: int) -> bytes:
    """OpenAI's list."""
    data = [{"id": name, "object": "model", "created": created, "owned_by": "mock"} for name in names]
    return orjson.dumps({"object": "list", "data": data})


def render_tags(names: tuple[str, ...]) -> bytes:
    """Ollama's list."""
    return orjson.dumps({"models": [{"name": name, "model": name, "size": 0, "details": {}} for name in names]})
