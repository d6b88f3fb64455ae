"""A signal to a worker that has not started yet."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.contract.harness.program import running_program
from tests.contract.harness.settings import make_settings


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_worker_that_waits_for_kafka_ends_at_a_signal(number: signal.Signals, tmp_path: Path) -> None:
    """Exit code 0 and its last line, while Kafka says nothing. The signal once ended it as a crash does."""
    is_asked = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_asked.set()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        settings = make_settings(f"127.0.0.1:{port}", "t", "http://127.0.0.1:9/v1", ("m",))
        with running_program(settings, tmp_path) as program:
            await is_asked.wait()
            program.terminate(number)
            assert await program.exit_code() == 0
            assert '"event":"stopped"' in program.last_words()
            assert "Traceback" not in program.last_words()
