"""How long a run waits that gave its slot back."""

import asyncio

import pytest

from streamproc.chain.plan import Choice, Plan
from streamproc.chain.run import Run
from streamproc.errors import NotNow, ServerFault, StreamprocError
from streamproc.kafka.publisher import Publisher
from streamproc.kafka.writer import Coalescing
from streamproc.providers.scripted import Scripted
from tests.fakes import NOW, FakeClock, MemoryProducer
from tests.unit.test_processor import incoming, processor


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (ServerFault("x", provider="p"), 15.0),
        (ServerFault("x", provider="p", retry_after_seconds=20.0), 20.0),
        (ServerFault("x", provider="p", retry_after_seconds=86_400.0), 300.0),
        (NotNow("x"), 0.5),
        (NotNow("x", retry_after_seconds=4.0), 4.0),
    ],
)
async def test_a_wait(error: StreamprocError, seconds: float) -> None:
    """It doubles with each failure; a hint is obeyed within a bound. Where nothing failed, a wait does not grow."""

    def fails(_: object) -> list[StreamprocError]:
        return [error]

    provider = Scripted("p", fails, asyncio.sleep)
    publisher = Publisher(
        MemoryProducer(), "llm.chunks", FakeClock(), coalescing=Coalescing(False, 0.0, 1), max_buffered_bytes=10**6
    )
    works = processor(lambda asked: Plan.plain(Choice(provider, asked.request.model)), publisher)
    run = works.accept(incoming())
    assert isinstance(run, Run)
    run.progress.waits = 8
    with pytest.raises(NotNow):
        await works.process(run)
    await publisher.stop()
    assert run.not_before == NOW + seconds
