"""A usage topic of a test's own, a job that reads it, and what the job told."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaProducer

from streamproc.billing.aggregate import Aggregation
from streamproc.billing.bill import Bill
from streamproc.billing.happenings import Happening
from streamproc.billing.tally import Tally
from streamproc.billing.verify import Verdict, verify
from streamproc.kafka.usage_reader import UsageReader
from streamproc.records.codec import encode_usage
from streamproc.settings.settings import Settings
from tests.contract.broker.topics import make
from tests.contract.broker.wire import Wire
from tests.lines import a_line

__all__ = ["Told", "UsageTopic", "usage_topic"]


class Told:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.happenings: list[Happening] = []

    def saw(self, happening: Happening) -> None:
        self.happenings.append(happening)


class UsageTopic:
    """Lines go in by `send`, jobs run over them."""

    def __init__(self, settings: Settings, producer: Any) -> None:
        self.settings = settings
        self.producer = producer

    @property
    def name(self) -> str:
        """Of the topic."""
        return self.settings.topics.usage

    async def send(self, calls: Iterable[int], partition: int = 0, **fields: Any) -> None:
        """Lines of these calls, with these fields."""
        await self.raw(*(encode_usage(a_line(call=call, **fields)) for call in calls), partition=partition)

    async def raw(self, *values: bytes | None, partition: int = 0, headers: Any = ()) -> None:
        """Records of any bytes."""
        sent = [
            await self.producer.send(self.name, value, b"key", partition=partition, headers=list(headers))
            for value in values
        ]
        await asyncio.gather(*sent)

    async def run(self, bill: Bill, told: Told | None = None, *, skip_unreadable: bool = False) -> Tally:
        """A job to the end of the topic."""
        async with self.job(bill, told, skip_unreadable=skip_unreadable) as job:
            return await job.run(asyncio.Event(), until_end=True)

    @asynccontextmanager
    async def job(
        self, bill: Bill, told: Told | None = None, *, skip_unreadable: bool = False
    ) -> AsyncIterator[Aggregation]:
        """A job that has not begun."""
        async with UsageReader.connect(self.settings) as reader:
            yield Aggregation(
                reader,
                self.name,
                bill,
                told or Told(),
                skip_unreadable=skip_unreadable,
                time=time.time,
                monotonic=time.monotonic,
            )

    async def verify(self, bill: Bill) -> Verdict:
        """The topic against the bill."""
        async with UsageReader.connect(self.settings) as reader:
            return await verify(reader, self.name, bill)


@asynccontextmanager
async def usage_topic(
    bootstrap: str, prefix: str, partitions: int = 2, *, transactional: bool = False, **configs: str
) -> AsyncIterator[UsageTopic]:
    """The topic, and a producer for it."""
    groups: dict[str, Any] = {"kafka": {"bootstrap_servers": bootstrap}, "topics": {"usage": f"{prefix}.usage"}}
    settings = Settings(**groups)
    wire = await Wire.to(bootstrap)
    await make(wire, settings.topics.usage, partitions, **configs)
    await wire.close()
    options = {"transactional_id": prefix} if transactional else {}
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=2, **options) as producer:
        yield UsageTopic(settings, producer)
