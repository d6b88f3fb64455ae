"""What the mock provider answers to which request; no network in here.

| route                                              | answer                                                       |
|----------------------------------------------------|--------------------------------------------------------------|
| `POST /v1/chat/completions`, `/chat/completions`   | an answer, streamed or whole; see `behaviour` for the models |
| `GET /v1/models`, `/models`                        | names from the settings                                      |
| `GET /stats`, `GET /stats?calls=1`                 | the bill; with the list of the calls that ended, each with   |
|                                                    | its `X-Client-Request-Id`, by which a caller knows it again  |
| `POST /stats/reset`                                | forgets the bill                                             |
| `GET /healthz`                                     | 200 while the server runs                                    |
"""

from collections.abc import Callable
from urllib.parse import parse_qs

import orjson

from streamproc.mock.answering import Generation
from streamproc.mock.api_error import ApiError, render_error
from streamproc.mock.asked import Asked, parse_chat
from streamproc.mock.behaviour import MockSettings, plan_answer
from streamproc.mock.openai_shape import Answer, render_models
from streamproc.mock.response import Reply
from streamproc.mock.stats import Stats

__all__ = ["Routes"]


class Routes:
    """Answers requests by its settings; remembers which bodies it has seen.

    Args:
        settings: what the answers are like.
        stats: where calls are counted.
        chance: numbers from 0 up to 1, for the error and cut rates.
        now: unix time in seconds, for the `created` fields.
    """

    def __init__(
        self, settings: MockSettings, stats: Stats, *, chance: Callable[[], float], now: Callable[[], float]
    ) -> None:
        self._settings = settings
        self._stats = stats
        self._chance = chance
        self._now = now
        self._seen: set[str] = set()
        self._count = 0

    def respond(self, method: str, target: str, body: bytes, client_request_id: str | None) -> Reply | Generation:
        """Answers one request; `client_request_id` is the caller's own name for it."""
        path, _, query = target.partition("?")
        match method, path.removeprefix("/v1"):
            case "POST", "/chat/completions":
                return self._chat(body, client_request_id)
            case "GET", "/models":
                return Reply(200, render_models(self._settings.models, int(self._now())))
            case "GET", "/stats":
                wants_calls = parse_qs(query).get("calls") == ["1"]
                return Reply(200, orjson.dumps(self._stats.snapshot(with_calls=wants_calls)))
            case "POST", "/stats/reset":
                self._stats.reset()
                return Reply(200, b"{}")
            case "GET", "/healthz":
                return Reply(200, b'{"status":"ok"}')
            case _:
                sentence = f"Unknown request URL: {method} {path}."
                error = ApiError(404, "unknown_url", "invalid_request_error", sentence)
                return self._refuse(self._next_id(), error, None, client_request_id)

    def _next_id(self) -> str:
        self._count += 1
        return f"chatcmpl-mock-{self._count}"

    def _chat(self, body: bytes, client_request_id: str | None) -> Reply | Generation:
        call_id = self._next_id()
        try:
            asked = parse_chat(body)
        except ValueError as exc:
            error = ApiError(400, "invalid_request", "invalid_request_error", str(exc))
            return self._refuse(call_id, error, None, client_request_id)
        is_repeated = asked.request_hash in self._seen
        self._seen.add(asked.request_hash)
        plan = plan_answer(asked.model, asked.max_tokens, self._settings, is_repeated=is_repeated, chance=self._chance)
        if isinstance(plan, ApiError):
            return self._refuse(call_id, plan, asked, client_request_id)
        answer = Answer(
            id=call_id,
            model=asked.model,
            created=int(self._now()),
            seed=int(asked.request_hash[:16], 16),
            input_tokens=asked.input_tokens,
            wants_usage=plan.sends_usage and (asked.wants_usage or not asked.is_streamed),
            finish_reason=plan.finish_reason,
        )
        return Generation(plan, answer, self._stats.begin(call_id, asked, client_request_id))

    def _refuse(self, call_id: str, error: ApiError, asked: Asked | None, client_request_id: str | None) -> Reply:
        self._stats.refuse(call_id, error.code, asked, client_request_id)
        hint = self._settings.retry_after_seconds if error.status in {429, 503} else None
        return Reply(error.status, render_error(error), call_id, hint)
