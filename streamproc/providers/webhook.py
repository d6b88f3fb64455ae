"""The webhook: each alert as a POST of JSON to an address of the operator's, with retries, beside the work.

Its URL may hold a secret, so it is in no message.
"""

import asyncio
from collections.abc import Callable
from urllib.parse import quote

from streamproc.chain.clock import Clock
from streamproc.chain.retry_rules import wait_seconds
from streamproc.errors import ProviderError, SetupError
from streamproc.observe.events import AlertTrouble, Observer
from streamproc.providers.transport import Transport
from streamproc.records.alert import Alert
from streamproc.records.codec import encode
from streamproc.settings.provider import TimeoutSettings

__all__ = ["Webhook"]

_TRIES = 6
_BASE_SECONDS = 1.0
_CAP_SECONDS = 60.0
_MOST_WAITING = 1000
_TIMEOUTS = TimeoutSettings(total_seconds=10)
_SUCCESS = range(200, 300)
_KEPT_IN_QUERY = "/?%!$&'()*+,;:=@[]|~"


class Webhook:
    """Delivers one alert after the other. Of more than 1,000 that wait the oldest is dropped, and that is told."""

    def __init__(self, url: str, clock: Clock, random: Callable[[], float], observer: Observer) -> None:
        """Opens no connection yet; `random` gives a number in [0, 1).

        Raises:
            SetupError: the address is no URL of an HTTP server.
        """
        address, mark, query = url.partition("?")
        self._query = mark + quote(query, safe=_KEPT_IN_QUERY)
        try:
            self._transport = Transport(
                provider="webhook",
                base_url=address,
                headers={},
                timeouts=_TIMEOUTS,
                max_connections=1,
                keep_alive=False,
            )
        except SetupError:
            raise SetupError(
                "budgets.webhook_url is no URL of an HTTP server, such as https://host/path; user names have no place"
                " in it"
            ) from None
        self._clock = clock
        self._random = random
        self._observer = observer
        self._queue: asyncio.Queue[Alert] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"Webhook(waiting={self._queue.qsize()})"

    def start(self) -> None:
        """Delivers from now on."""
        self._task = asyncio.create_task(self._run(), name="webhook")

    async def stop(self) -> None:
        """Delivers nothing any more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._transport.aclose()

    def deliver(self, alert: Alert) -> None:
        """Hands an alert over. Waits for nothing."""
        self._queue.put_nowait(alert)
        if self._queue.qsize() > _MOST_WAITING:
            self._give_up(self._queue.get_nowait(), f"more than {_MOST_WAITING} alerts wait")

    async def _run(self) -> None:
        while True:
            alert = await self._queue.get()
            for tries in range(1, _TRIES + 1):
                problem = await self._post(alert)
                if problem is None:
                    break
                if tries == _TRIES:
                    self._give_up(alert, problem)
                    break
                await self._clock.sleep(wait_seconds(tries, _BASE_SECONDS, _CAP_SECONDS, None, self._random))

    async def _post(self, alert: Alert) -> str | None:
        try:
            async with self._transport.post(
                self._query, encode(alert), stream_type=None, call_id=alert.alert_id
            ) as exchange:
                status = exchange.status_code
        except ProviderError as error:
            return error.code
        return None if status in _SUCCESS else f"status {status}"

    def _give_up(self, alert: Alert, problem: str) -> None:
        self._observer.saw(AlertTrouble(alert.alert_id, f"the webhook did not take it: {problem}"))
