"""Many calls over all shapes with mixed faults: the bill names them all, and agrees with every whole answer."""

import asyncio
import contextlib

from streamproc.mock.behaviour import MockSettings
from streamproc.mock.faults.catalogue import parse_share
from streamproc.mock.server import serve
from tests.unit.mock.exchange import exchange, rendered
from tests.unit.mock.wire import MODES, body_for


async def test_the_bill_of_mixed_faults() -> None:
    """Each call is on it once, under its own name, with its shape, its fault and how it ended."""
    settings = MockSettings(tokens=4, interval_seconds=0, first_token_seconds=0, faults=(parse_share("mixed:0.5"),))
    async with await serve(settings) as mock:

        async def call(number: int) -> None:
            path, is_streamed = MODES[number % len(MODES)]
            more = f"x-client-request-id: call/{number}\r\nconnection: close\r\n"
            body = body_for(path, "mock", is_streamed=is_streamed)
            with contextlib.suppress(ConnectionResetError):
                await exchange(mock, rendered(body, path=path, more=more))

        for start in range(0, 420, 20):
            await asyncio.gather(*(call(number) for number in range(start, start + 20)))
        calls = {call.client_request_id: call for call in mock.stats.calls}
        figures = mock.stats.snapshot()
    assert set(calls) == {f"call/{number}" for number in range(420)}
    assert len(mock.stats.calls) == figures["requests"] == 420
    assert figures["requests"] == sum(figures[name] for name in ("completed", "cut", "cancelled")) + sum(
        figures["errors"].values()
    )
    assert {shape for call in calls.values() if (shape := call.shape)} == set(figures["shapes"])
    assert sum(figures["faults"].values()) == sum(call.fault is not None for call in calls.values())
    assert len(figures["faults"]) > 20
    for one in calls.values():
        if one.outcome == "completed":
            assert one.input_tokens == 5
            assert one.output_tokens == (0 if "embed" in str(one.shape) else 4)
        if one.fault is None:
            assert one.outcome == "completed"
    assert figures["output_tokens"] == sum(call.output_tokens for call in calls.values())
