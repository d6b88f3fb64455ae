"""Reads answers of every API shape as a plain client would: text, finish reason, end mark, usage, error."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.unit.mock.wire import Shown

__all__ = ["Told", "told"]


@dataclass(slots=True)
class Told:
    """What an answer says. `usage` is as the shape tells it; `counts` are input, output, cached and reasoning tokens."""

    text: str = ""
    finishes: tuple[str | None, ...] = ()
    marks: int = 0
    usage: Any = "missing"
    error: Any = None

    @property
    def words(self) -> int:
        return len(self.text.split())


def told(shown: Shown) -> Told:
    """Reads a well-formed response of status 200; events that are not JSON are left out."""
    return _READERS[shown.path](shown)


def _openai(text_of: Callable[[dict[str, Any]], str | None]) -> Callable[[Shown], Told]:
    def read(shown: Shown) -> Told:
        found = Told()
        found.marks = sum(data == b"[DONE]" for _, data in shown.events()) if shown.is_streamed else int(shown.is_whole)
        for part in shown.objects() if shown.is_streamed else [shown.json]:
            found.error = part.get("error", found.error)
            if not part.get("choices") and "usage" in part:
                found.usage = part["usage"]
            if not shown.is_streamed:
                found.usage = part.get("usage", "missing")
            for choice in part.get("choices", ()):
                found.text += text_of(choice) or ""
                if choice["finish_reason"] is not None:
                    found.finishes += (choice["finish_reason"],)
        return found

    return read


def _of_message(choice: dict[str, Any]) -> str | None:
    text: str | None = (choice.get("delta") or choice.get("message") or {}).get("content")
    return text


def _of_choice(choice: dict[str, Any]) -> str | None:
    text: str = choice["text"]
    return text


def _responses(shown: Shown) -> Told:
    if not shown.is_streamed:
        return _ended(Told(marks=int(shown.is_whole)), shown.json)
    found = Told()
    for event in shown.objects():
        kind = event["type"]
        if kind == "response.output_text.delta":
            found.text += event["delta"]
        elif kind == "error":
            found.error = event
        elif kind == "response.failed":
            found.error = event["response"]["error"]
            found.usage = event["response"]["usage"]
        elif kind in {"response.completed", "response.incomplete"}:
            found.marks += 1
            found = _ended(found, event["response"])
    return found


def _ended(found: Told, response: dict[str, Any]) -> Told:
    found.error = response.get("error")
    if response.get("status") is not None:
        found.finishes += (response["status"],)
    found.usage = response.get("usage", "missing")
    if not found.text:
        messages = [item for item in response.get("output", ()) if item["type"] == "message"]
        found.text = "".join(part["text"] for message in messages for part in message["content"])
    return found


def _anthropic(shown: Shown) -> Told:
    found = Told()
    if not shown.is_streamed:
        body = shown.json
        text = "".join(block["text"] for block in body.get("content", ()) if block["type"] == "text")
        finishes = (body["stop_reason"],) if body.get("stop_reason") else ()
        return Told(text, finishes, int(shown.is_whole), body.get("usage", "missing"), body.get("error"))
    for event in shown.objects():
        kind = event["type"]
        if kind == "content_block_delta" and event["delta"]["type"] == "text_delta":
            found.text += event["delta"]["text"]
        elif kind == "message_delta":
            found.usage = event.get("usage", "missing")
            if event["delta"]["stop_reason"] is not None:
                found.finishes += (event["delta"]["stop_reason"],)
        elif kind == "message_stop":
            found.marks += 1
        elif kind == "error":
            found.error = event["error"]
    return found


def _ollama(shown: Shown) -> Told:
    found = Told()
    for part in shown.objects() if shown.is_streamed else [shown.json]:
        found.error = part.get("error", found.error)
        found.text += part.get("response", "") + part.get("message", {}).get("content", "")
        if part.get("done"):
            found.marks += 1
            found.finishes += (part["done_reason"],) if part.get("done_reason") else ()
            names = ("prompt_eval_count", "eval_count")
            figures = {name: part[name] for name in names if name in part}
            found.usage = "missing" if not figures else figures if set(figures.values()) != {None} else None
    return found


def _embeddings(shown: Shown) -> Told:
    body = shown.json
    usage = body.get("usage", "missing")
    if "prompt_eval_count" in body:
        figures = {"prompt_eval_count": body["prompt_eval_count"]}
        usage = figures if body["prompt_eval_count"] is not None else None
    return Told(marks=int(shown.is_whole), usage=usage, error=body.get("error"))


_READERS: dict[str, Callable[[Shown], Told]] = {
    "/v1/chat/completions": _openai(_of_message),
    "/v1/responses": _responses,
    "/v1/completions": _openai(_of_choice),
    "/v1/messages": _anthropic,
    "/api/chat": _ollama,
    "/api/generate": _ollama,
    "/v1/embeddings": _embeddings,
    "/api/embed": _embeddings,
}
