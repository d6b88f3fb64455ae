"""The webhook: every alert arrives, tried again where it has to be; what it cannot deliver is told, without its URL."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from streamproc.errors import SetupError
from streamproc.observe.events import AlertTrouble
from streamproc.providers.webhook import Webhook
from streamproc.records.alert import BudgetAlert
from tests.fakes import FakeClock, Seen, eventually

AT = datetime(2026, 1, 31, tzinfo=UTC)
ALERT = BudgetAlert(
    alert_id="a", scope="global", window="day", window_start=AT, unit="nanos", share="0.5", cap=2, settled=1,
    killed=False, at=AT,
)  # fmt: skip


class Receiver:
    """An HTTP server that answers with these statuses, and then with 200."""

    def __init__(self, *statuses: int) -> None:
        self._statuses = list(statuses)
        self.bodies: list[bytes] = []
        self.targets: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request, one answer."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-l"))
        self.targets.append(head.split()[1])
        self.bodies.append(await reader.readexactly(length))
        status = self._statuses.pop(0) if self._statuses else 200
        writer.write(b"HTTP/1.1 %d Said\r\ncontent-length: 0\r\n\r\n" % status)
        writer.close()


@asynccontextmanager
async def delivering(receiver: Receiver, seen: Seen) -> AsyncIterator[Webhook]:
    """A webhook to the receiver."""
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    webhook = Webhook(f"http://127.0.0.1:{port}/hook?key=secret", FakeClock(), lambda: 0.5, seen)
    webhook.start()
    try:
        yield webhook
    finally:
        await webhook.stop()
        server.close()
        await server.wait_closed()


async def test_an_alert_arrives_after_failures() -> None:
    """As JSON, at the whole address."""
    receiver, seen = Receiver(500, 503), Seen()
    async with delivering(receiver, seen) as webhook:
        webhook.deliver(ALERT)
        await eventually(lambda: len(receiver.bodies) == 3)
        assert BudgetAlert.model_validate_json(receiver.bodies[-1]) == ALERT
        assert receiver.targets[-1] == b"/hook?key=secret"
        webhook.deliver(ALERT.model_copy(update={"alert_id": "b"}))
        await eventually(lambda: len(receiver.bodies) == 4)
    assert not seen.of(AlertTrouble)


async def test_what_cannot_be_delivered_is_told_and_holds_nothing_up() -> None:
    """After six tries the next one has its turn."""
    receiver, seen = Receiver(*[404] * 6), Seen()
    async with delivering(receiver, seen) as webhook:
        webhook.deliver(ALERT)
        webhook.deliver(ALERT.model_copy(update={"alert_id": "b"}))
        await eventually(lambda: len(receiver.bodies) == 7)
    (trouble,) = seen.of(AlertTrouble)
    assert isinstance(trouble, AlertTrouble)
    assert (trouble.alert_id, trouble.sentence) == ("a", "the webhook did not take it: status 404")


@pytest.mark.parametrize("url", ["hooks.example/secret", "https://user:secret@hooks.example/", "http://:0/secret"])
def test_an_address_that_is_none_is_refused_without_a_word_of_it(url: str) -> None:
    """It may hold a secret."""
    with pytest.raises(SetupError, match=r"budgets\.webhook_url is no URL of an HTTP server") as refused:
        Webhook(url, FakeClock(), lambda: 0.5, Seen())
    assert "secret" not in str(refused.value)
    assert refused.value.__cause__ is None
