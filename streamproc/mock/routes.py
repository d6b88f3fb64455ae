"""What the mock provider answers to which request; no network in here.

| route                                              | answer                                                       |
|----------------------------------------------------|--------------------------------------------------------------|
| `POST` to a path of `shapes.table`                 | an answer, streamed or whole; see `behaviour` for the models |
| `GET /v1/models`, `/models`                        | names from the settings                                      |
| `GET /api/tags`                                    | the same for Ollama's clients                                |
| `GET /stats`, `GET /stats?calls=1`                 | the bill; with the list of the calls that ended, each with   |
|                                                    | its `X-Client-Request-Id`, by which a caller knows it again  |
| `POST /stats/reset`                                | forgets the bill                                             |
| `POST /outage?status=503&seconds=20`               | from now on every call fails, for so long                    |
| `GET /healthz`                                     | 200 while the server runs                                    |

Paths that begin with `/v1` can be had without it.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from math import inf
from urllib.parse import parse_qs

import orjson

from streamproc.errors import SetupError
from streamproc.mock.answer import Answer
from streamproc.mock.answering import Generation
from streamproc.mock.api_error import ApiError
from streamproc.mock.asked import Asked, parse_object
from streamproc.mock.behaviour import MockSettings, Plan, plan_answer
from streamproc.mock.dialects import OPENAI
from streamproc.mock.faults.draft import drafted
from streamproc.mock.faults.fault import Altering, Disturbing, Refusing
from streamproc.mock.models import render_models, render_tags
from streamproc.mock.quota import Quota
from streamproc.mock.response import Fields, Reply
from streamproc.mock.shapes.shape import Shape
from streamproc.mock.shapes.table import SHAPES
from streamproc.mock.stats import Stats

__all__ = ["Routes"]


class Routes:
    """Answers requests by its settings; remembers which bodies it has seen.

    Args:
        settings: what the answers are like.
        stats: where calls are counted.
        chance: numbers from 0 up to 1, for the rates.
        now: unix time in seconds, for the `created` fields and hints with a date.
    """

    def __init__(
        self, settings: MockSettings, stats: Stats, *, chance: Callable[[], float], now: Callable[[], float]
    ) -> None:
        self._settings = settings
        self._stats = stats
        self._chance = chance
        self._now = now
        self._quota = Quota(settings.requests_per_minute, settings.tokens_per_minute)
        self._seen: set[str] = set()
        self._count = 0
        self._outage_until = -inf
        self._in_outage = settings
        self._pages: dict[tuple[str, str], Callable[[str], Reply]] = {
            ("GET", "/models"): self._models,
            ("GET", "/api/tags"): self._tags,
            ("GET", "/stats"): self._bill,
            ("POST", "/stats/reset"): self._forget,
            ("POST", "/outage"): self._fail,
            ("GET", "/healthz"): self._health,
        }

    def respond(self, method: str, target: str, body: bytes, client_request_id: str | None) -> Reply | Generation:
        """Answers one request; `client_request_id` is the caller's own name for it."""
        path, _, query = target.partition("?")
        shape = SHAPES.get(path) or SHAPES.get(f"/v1{path}")
        if method == "POST" and shape is not None:
            return self._call(shape, body, client_request_id)
        page = self._pages.get((method, path.removeprefix("/v1")))
        return page(query) if page is not None else self._unknown(method, path, client_request_id)

    def _models(self, query: str) -> Reply:
        del query
        return Reply(200, render_models(self._settings.models, int(self._now())))

    def _tags(self, query: str) -> Reply:
        del query
        return Reply(200, render_tags(self._settings.models))

    def _bill(self, query: str) -> Reply:
        wants_calls = parse_qs(query).get("calls") == ["1"]
        return Reply(200, orjson.dumps(self._stats.snapshot(with_calls=wants_calls)))

    def _forget(self, query: str) -> Reply:
        del query
        self._stats.reset()
        return Reply(200, b"{}")

    def _fail(self, query: str) -> Reply:
        try:
            asked = {name: float(values[0]) for name, values in parse_qs(query).items()}
            self._in_outage = replace(self._settings, error_rate=1.0, error_status=int(asked.get("status", 503)))
            self._outage_until = self._now() + asked["seconds"]
        except (KeyError, ValueError, OverflowError, SetupError):
            return Reply(400, b'{"error":"needs seconds, and may have a status from 400 to 599"}')
        return Reply(200, b"{}")

    def _health(self, query: str) -> Reply:
        del query
        return Reply(200, b'{"status":"ok"}')

    def _unknown(self, method: str, path: str, name: str | None) -> Reply:
        error = ApiError(404, "unknown_url", "invalid_request_error", f"Unknown request URL: {method} {path}.")
        call_id = self._next_id("mock")
        self._stats.refuse(call_id, error.code, None, None, None, name)
        return Reply(404, OPENAI.render(error, call_id), ((OPENAI.id_header, call_id),))

    def _next_id(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}-mock-{self._count}"

    def _call(self, shape: Shape, body: bytes, name: str | None) -> Reply | Generation:
        call_id = self._next_id(shape.id_prefix)
        try:
            asked = shape.parse(parse_object(body), hashlib.sha256(body).hexdigest())
        except ValueError as exc:
            error = replace(shape.dialect.error_of_status(400), message=str(exc))
            self._stats.refuse(call_id, error.code, shape.name, None, None, name)
            return _error_reply(shape, error, call_id, ())
        is_repeated = asked.request_hash in self._seen
        self._seen.add(asked.request_hash)
        settings = self._in_outage if self._now() < self._outage_until else self._settings
        taken = self._quota.take(asked, shape.dialect, self._now())
        if taken.is_refused:
            error = shape.dialect.error_of_status(429)
            self._stats.refuse(call_id, error.code, shape.name, asked, None, name)
            return _error_reply(shape, error, call_id, taken.fields)
        plan = plan_answer(asked, shape, settings, is_repeated=is_repeated, chance=self._chance)
        refused = self._refused(shape, plan, asked, call_id, name)
        return refused or self._generation(shape, plan, asked, call_id, name, taken.fields)

    def _refused(self, shape: Shape, plan: Plan, asked: Asked, call_id: str, name: str | None) -> Reply | None:
        for one in plan.faults:
            if isinstance(one.fault, Refusing):
                refusal = one.fault.refuse(shape.dialect, one.number, self._now())
                code = refusal.error.code if refusal.error else one.fault.name
                self._stats.refuse(call_id, code, shape.name, asked, str(one), name)
                if refusal.error is None:
                    return refusal.page
                hint = self._hint(refusal.error.status) if refusal.fields is None else refusal.fields
                return _error_reply(shape, refusal.error, call_id, hint)
        return None

    def _hint(self, status: int) -> Fields:
        seconds = self._settings.retry_after_seconds
        return (("retry-after", f"{seconds:g}"),) if seconds is not None and status in {429, 503} else ()

    def _generation(
        self, shape: Shape, plan: Plan, asked: Asked, call_id: str, name: str | None, limits: Fields
    ) -> Generation:
        answer = Answer(
            id=call_id,
            model=asked.model,
            created=int(self._now()),
            seed=int(asked.request_hash[:16], 16),
            input_tokens=asked.input_tokens,
            usage_form="told" if asked.wants_usage else "missing",
            finish_reason="load" if asked.only_loads else "length" if plan.is_limited else "stop",
            cached_tokens=plan.cached_tokens,
            cache_write_tokens=plan.cache_write_tokens,
            reasoning_tokens=plan.reasoning_tokens,
            first_token_seconds=plan.first_token_seconds,
            interval_seconds=plan.interval_seconds,
            vectors=asked.vectors,
        )
        for one in plan.faults:
            if isinstance(one.fault, Altering):
                answer = one.fault.alter(answer)
        shown = "-".join(map(str, plan.faults)) or None
        generation = Generation(shape, answer, plan.tokens, self._stats.begin(answer, asked, shown, name), limits)
        disturbing = [(one.fault, one.number) for one in plan.faults if isinstance(one.fault, Disturbing)]
        if not disturbing:
            return generation
        draft = drafted(shape, answer, plan.tokens, is_streamed=asked.is_streamed)
        draft = replace(draft, fields=generation.fields)
        for fault, number in disturbing:
            draft = fault.disturb(draft, number)
        return replace(generation, draft=draft)


def _error_reply(shape: Shape, error: ApiError, call_id: str, hint: Fields) -> Reply:
    fields = (*hint, (shape.dialect.id_header, call_id))
    return Reply(error.status, shape.dialect.render(error, call_id), fields)
