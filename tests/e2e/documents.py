"""Real text to ask about: docstrings of the standard library, as requests in both forms."""

import importlib
import inspect
import json
from collections.abc import Iterator
from typing import Any

__all__ = ["batch_line", "docstrings", "native_request", "question"]

_MODULES = (
    *("argparse", "ast", "asyncio", "bisect", "calendar", "collections", "configparser", "csv", "datetime", "decimal"),
    *(
        "difflib",
        "email.message",
        "fractions",
        "heapq",
        "html.parser",
        "inspect",
        "json",
        "logging",
        "pathlib",
        "random",
    ),
    *(
        "shutil",
        "socket",
        "statistics",
        "string",
        "subprocess",
        "tempfile",
        "textwrap",
        "threading",
        "types",
        "zipfile",
    ),
)


def docstrings(count: int) -> list[str]:
    """So many different docstrings of modules, classes and functions; where there are no more, again with a number."""
    texts = list(dict.fromkeys(_all_docstrings()))
    rounds = range(1, count // len(texts) + 1)
    return [*texts, *(f"{number}. {text}" for number in rounds for text in texts)][:count]


def _all_docstrings() -> Iterator[str]:
    for name in _MODULES:
        module = importlib.import_module(name)
        members = [module, *(member for _, member in inspect.getmembers(module) if callable(member))]
        yield from (text for member in members if (text := inspect.getdoc(member)))


def question(text: str) -> str:
    """What is asked about a text."""
    return f"Explain this:\n\n{text}"


def native_request(request_id: str, model: str, text: str, **more: Any) -> str:
    """A line in streamproc's own shape."""
    messages = [{"role": "user", "content": question(text)}]
    return json.dumps({"request_id": request_id, "model": model, "messages": messages} | more)


def batch_line(request_id: str, model: str, text: str, **more: Any) -> str:
    """A line in the shape of OpenAI's Batch API."""
    messages = [{"role": "user", "content": question(text)}]
    body = {"model": model, "messages": messages} | more
    return json.dumps({"custom_id": request_id, "method": "POST", "url": "/v1/chat/completions", "body": body})
