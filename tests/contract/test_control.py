"""The control topics: who may cancel what, what is passed by, and who reads it."""

import asyncio
import json
from typing import Any

from aiokafka import AIOKafkaProducer

from streamproc.kafka.cancels import Cancels
from streamproc.kafka.connection import client_options
from streamproc.kafka.control import Control
from streamproc.system_clock import SystemClock
from tests.contract.harness.cancelling import cancel, ended, is_cancelled, is_streaming, remembered, troubles
from tests.contract.harness.member import running_member
from tests.contract.harness.raw_names import publish_with_raw_names
from tests.contract.harness.stage import staged
from tests.fakes import Seen

LONG = "mock-t2000-i10-f5"


async def test_all_that_is_there_is_known_when_the_start_is_over(bootstrap: str, topic_prefix: str) -> None:
    """Also when it takes several polls; what an aborted transaction says, here at the very end, was never said."""
    async with staged(bootstrap, topic_prefix, LONG) as stage:
        control = stage.settings.topics.control
        await asyncio.gather(*(cancel(stage, request_id=f"r-{number}") for number in range(1500)))
        sender = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=f"{topic_prefix}.sender")
        async with sender:
            await sender.begin_transaction()
            await sender.send_and_wait(control, b'{"kind":"cancel","tenant":"default","request_id":"never"}')
            await sender.abort_transaction()
        cancels = Cancels(None, 10_000, 3600)
        reading = Control(client_options(stage.settings.kafka), {control: cancels}, SystemClock(), Seen())
        try:
            await reading.start(lambda: None)
            assert len(cancels) == 1500
        finally:
            await reading.stop()


async def test_another_tenant_cancels_nothing(bootstrap: str, topic_prefix: str) -> None:
    """Neither by a request id nor by a run id that it got to know."""
    async with staged(bootstrap, topic_prefix, LONG) as stage, running_member(stage.settings):
        run, last = await stage.ask(LONG, request_id="a", tenant="acme"), await stage.ask(LONG, tenant="acme")
        await is_streaming(stage, run, last)
        await cancel(stage, run)
        await cancel(stage, run, tenant="evil")
        await cancel(stage, request_id="a", tenant="evil")
        await cancel(stage, last, tenant="acme")
        assert is_cancelled(await stage.outputs.result(last))
        assert stage.outputs.results_of(run) == []
        assert stage.mock.stats.snapshot()["running"] == 1


async def test_a_pinned_tenant_has_a_control_topic_of_its_own(bootstrap: str, topic_prefix: str) -> None:
    """It cancels for that tenant and no other; elsewhere the pinned tenant has to be named, not the record's own."""
    own, open_topic, control = (f"{topic_prefix}.{name}" for name in ("acme", "requests", "acme-control"))
    changes: dict[str, Any] = {"sources": {own: "acme", open_topic: None}, "controls": {own: control}}
    async with staged(bootstrap, topic_prefix, LONG, **changes) as stage, running_member(stage.settings) as member:
        one, two, three = [await stage.ask(LONG, topic=own, tenant="claimed") for _ in range(3)]
        foreign, last = [await stage.ask(LONG, topic=open_topic) for _ in range(2)]
        await is_streaming(stage, one, two, three, foreign, last)
        await cancel(stage, foreign, topic=control)
        await cancel(stage, one, topic=control, tenant="acme")
        assert is_cancelled(await ended(stage, one))
        assert troubles(member) == ["wrong_tenant"]
        await cancel(stage, three, tenant="claimed")
        await cancel(stage, two, tenant="acme")
        await cancel(stage, last)
        assert is_cancelled(await stage.outputs.result(two))
        assert is_cancelled(await stage.outputs.result(last))
        assert stage.outputs.results_of(three) == stage.outputs.results_of(foreign) == []
        assert stage.mock.stats.snapshot()["running"] == 2


async def test_any_bytes_on_the_control_topic_are_passed_by(bootstrap: str, topic_prefix: str) -> None:
    """Also a header name that aiokafka cannot read, in the same batch as a cancel and in one of its own."""
    async with staged(bootstrap, topic_prefix, LONG) as stage, running_member(stage.settings) as member:
        runs = [await stage.ask(LONG, partition=number) for number in range(4)]
        await is_streaming(stage, *runs)
        control = stage.settings.topics.control
        values = [None, b"{", b"\xff" * 1000, b"[" * 5000, b'{"kind": "pause", "tenant": "default"}']
        for value in values:
            await stage.publish(value, key=b"\xff", topic=control)
        await cancel(stage, runs[0])
        assert is_cancelled(await ended(stage, runs[0]))
        assert troubles(member) == ["no_cancel"] * len(values)
        strange = [json.dumps({"kind": "cancel", "tenant": "default", "run_id": str(runs[1])}).encode(), b"{"]
        await publish_with_raw_names(stage.bootstrap, control, 0, strange)
        assert is_cancelled(await ended(stage, runs[1]))
        await publish_with_raw_names(stage.bootstrap, control, 0, [b"{"])
        await cancel(stage, runs[2])
        assert is_cancelled(await ended(stage, runs[2]))
        assert stage.outputs.results_of(runs[3]) == []
        assert set(troubles(member)) == {"no_cancel"}


async def test_every_worker_reads_every_cancel(bootstrap: str, topic_prefix: str) -> None:
    """One request id, eight runs, two workers: each run ends once, whoever has it."""
    async with (
        staged(bootstrap, topic_prefix, LONG) as stage,
        running_member(stage.settings) as one,
        running_member(stage.settings) as two,
    ):
        await asyncio.gather(one.has_claimed(2), two.has_claimed(2))
        runs = await stage.ask_many((n % 4, stage.request(LONG, request_id="all")) for n in range(8))
        await is_streaming(stage, *runs)
        await cancel(stage, request_id="all")
        results = [await ended(stage, run) for run in runs]
        assert all(is_cancelled(result) for result in results)
        assert stage.outputs.twice() == {}
        assert stage.mock.stats.snapshot()["cancelled"] == len(stage.outputs.usage) == 8


async def test_above_the_cap_the_oldest_cancel_is_forgotten(bootstrap: str, topic_prefix: str) -> None:
    """It is told, memory stays bounded, and the newest ones hold."""
    async with (
        staged(bootstrap, topic_prefix, LONG, worker={"max_cancels": 3}) as stage,
        running_member(stage.settings) as member,
    ):
        run = await stage.ask(LONG)
        await is_streaming(stage, run)
        for number in range(5):
            await cancel(stage, request_id=f"nobody-{number}")
        await cancel(stage, run)
        assert is_cancelled(await ended(stage, run))
        assert troubles(member) == ["too_many"] * 3
        assert remembered(member) == 3
