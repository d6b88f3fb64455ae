"""No key and no password is told: not in an error, a log line, a metric or a `repr`, also when the provider echoes it."""

import io
import traceback

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from streamproc.errors import ProviderError
from streamproc.observe.events import CallEnded
from streamproc.observe.gauges import ConnectionState, WorkerState
from streamproc.observe.logs import CallLog, configure_logs
from streamproc.observe.metrics import Metrics
from streamproc.providers.catalog import Catalog
from streamproc.settings.provider import ProviderSettings
from streamproc.settings.settings import Settings
from tests.faults.raw_provider import DONE, END, STREAM, Connection, chunked, outcome, raw_provider, response
from tests.unit.providers.calls import a_call

KEYS = ("sk-made-up-one", "sk-made-up-two")
PASSWORD = "made-up-password"
SECRETS = (*KEYS, PASSWORD)
ECHO = " ".join(SECRETS).encode()
JSON = "application/json"
HEAD = STREAM.removesuffix(b"\r\n")
ECHOES = {
    "a message": response("401 Unauthorized", JSON, b'{"error":{"message":"bad key ' + ECHO + b'"}}'),
    "a code": response("400 Bad Request", JSON, b'{"error":{"code":"' + ECHO + b'","message":"x"}}'),
    "an error that is a text": response("500 Oops", JSON, b'{"error":"' + ECHO + b'"}'),
    "a page": response("502 Bad Gateway", "text/html", b"<html>" + ECHO),
    "the id of a response in a header": response("500 Oops", JSON, b"{}", b"x-request-id: " + ECHO),
    "the id of a response in a body": response("500 Oops", JSON, b'{"request_id":"' + ECHO + b'","error":{}}'),
    "the type of a body": response("200 OK", ECHO.decode(), b"x"),
    "a content-encoding": response("200 OK", "text/event-stream", b"x", b"content-encoding: " + ECHO),
    "a reason": response(f"429 {ECHO.decode()}", JSON, b"{}"),
    "a hint": response("429 Slow", JSON, b"{}", b"retry-after: " + ECHO),
    "an error in a stream": STREAM + chunked(b'data: {"error":{"message":"' + ECHO + b'"}}\n\n') + DONE + END,
    "an event that is no JSON": STREAM + chunked(b"data: " + ECHO + b"\n\n") + END,
    "an id, and then no answer": HEAD.replace(b"req-7", ECHO) + b"\r\n" + DONE + END,
    "a response that is no HTTP": b"HTTP/1.1 " + ECHO + b"\r\n\r\n",
}  # fmt: skip


def settings(url: str, engine: str) -> ProviderSettings:
    """A provider with two keys and, with httpx, a proxy that asks for a password."""
    fields = {
        "models": ["m"],
        "base_url": url,
        "engine": engine,
        "api_key": KEYS[0],
        "credentials": {"b": {"api_key": KEYS[1]}},
    }
    if engine == "httpx":
        fields |= {"proxy": url.removesuffix("/v1"), "proxy_user": "we", "proxy_password": PASSWORD}
    return ProviderSettings.model_validate(fields)


def found(text: str, secrets: tuple[str, ...]) -> list[str]:
    """Those that stand in it."""
    return [secret for secret in secrets if secret in text]


@pytest.mark.parametrize("engine", ["httptools", "httpx"])
@pytest.mark.parametrize("name", ECHOES)
async def test_an_echo_goes_nowhere(name: str, engine: str) -> None:
    """Each key is the credential of one of the calls, and only its holder can know it: that call must not tell it."""

    async def behave(connection: Connection) -> None:
        await connection.send(ECHOES[name])
        connection.close()

    file = io.BytesIO()
    log = CallLog(configure_logs("debug", "json", file=file))
    registry = CollectorRegistry()
    async with raw_provider(behave) as server:
        built = Catalog({"p": settings(server.url, engine)}, now=lambda: 0.0)
        metrics = Metrics(
            registry,
            lambda: WorkerState(
                0,
                0,
                0,
                0,
                0,
                (),
                tuple(ConnectionState(name, **held._asdict()) for name, held in built.connections().items()),
            ),
        )
        for key, (_, provider) in zip(KEYS, built.credentials["p"], strict=True):
            own = (key, PASSWORD) if engine == "httpx" else (key,)
            _, _, error = await outcome(provider, a_call())
            assert isinstance(error, ProviderError)
            told = CallEnded("r", 1, "p", "m", "t", "h", error.code, 1.0, None, None, str(error), error.request_id)
            log.saw(told)
            metrics.saw(told)
            shown = [
                "".join(traceback.format_exception(error)),
                repr(error),
                repr(vars(error)),
                file.getvalue().decode(),
            ]
            shown += [
                generate_latest(registry).decode(),
                repr(provider),
                repr(built),
                repr(built._transports),
            ]
            assert [found(text, own) for text in shown] == [[]] * len(shown)
            file.truncate(0)
        await built.aclose()


def test_settings_show_none() -> None:
    """Nor do they when they are written as JSON."""
    shown = Settings(providers={"p": settings("http://own/v1", "httpx")})
    assert found(repr(shown) + str(shown) + shown.model_dump_json() + repr(shown.model_dump()), SECRETS) == []
