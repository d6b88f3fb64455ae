"""The client: submits and follows, by the reader's rules, on real Kafka."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from typing import Any

import pytest

from streamproc.client import Client, Finished, Piece, Reset, Stalled, Update
from streamproc.errors import InvalidRequest, SetupError
from streamproc.records.identity import RunId
from tests.contract.harness.member import running_member
from tests.contract.harness.stage import Stage, staged

QUICK, SLOW, CUT = "mock-t5-i1-f2", "mock-t60-i10-f5", "mock-t30-i20-cutonce10"
LONG = "mock-t2000-i10-f5"


async def collected(updates: AsyncIterator[Update]) -> dict[str, list[Update]]:
    """All updates, by run."""
    found: dict[str, list[Update]] = {}
    async for update in updates:
        found.setdefault(update.run_id, []).append(update)
    return found


def shown(updates: Iterable[Update]) -> str:
    """What a person has on the screen in the end."""
    text = ""
    for update in updates:
        if isinstance(update, Reset):
            text = ""
        elif isinstance(update, Piece):
            text += update.chunk.text
    return text


async def submitted(client: Client, stage: Stage, models: Iterable[str]) -> list[RunId]:
    """Run ids of requests that were handed over together."""
    requests = [stage.request(model) for model in models]
    under_way = [await client.submit_bytes(json.dumps(one).encode(), one["request_id"]) for one in requests]
    return list(await asyncio.gather(*under_way))


async def test_requests_of_one_batch_have_the_run_ids_the_worker_uses(bootstrap: str, topic_prefix: str) -> None:
    """A run id holds the record's time, and the producer reports that of a batch's first record for all of them.

    aiokafka 0.14 does so; a run id built from it names a run that does not exist, and following it would wait for ever.
    The requests here share batches and have times of their own.
    """
    async with (
        staged(bootstrap, topic_prefix, QUICK) as stage,
        running_member(stage.settings),
        Client.connect(stage.settings) as client,
    ):
        runs = await submitted(client, stage, [QUICK] * 200)
        assert len({run.timestamp_ms for run in runs}) > 1
        found = await collected(client.follow(runs, stalled_seconds=20))
        assert found.keys() == {str(run) for run in runs}
        await stage.outputs.rest()
        assert {result.run_id for result in stage.outputs.results} == found.keys()


async def test_tokens_are_followed_while_they_are_produced(bootstrap: str, topic_prefix: str) -> None:
    """Pieces come before the answer is whole; together they are the result's text."""
    async with (
        staged(bootstrap, topic_prefix, SLOW, CUT) as stage,
        running_member(stage.settings),
        Client.connect(stage.settings) as client,
    ):
        run = await client.submit(stage.request(SLOW))
        updates: list[Update] = []
        async for update in client.follow([run], stalled_seconds=20):
            if not updates:
                assert stage.mock.stats.snapshot()["running"] == 1
            updates.append(update)
        last = updates[-1]
        assert isinstance(last, Finished)
        assert shown(updates) == last.result.text
        assert len(updates) > 5
        restarted = await client.submit(stage.request(CUT))
        updates = [update async for update in client.follow([restarted], stalled_seconds=20)]
        assert sum(isinstance(update, Reset) for update in updates) == 1
        last = updates[-1]
        assert isinstance(last, Finished)
        assert shown(updates) == last.result.text


async def test_finished_runs_are_followed_from_the_past(bootstrap: str, topic_prefix: str) -> None:
    """A later client sees the same as the first one, as long as it says that it asks for the past."""
    async with staged(bootstrap, topic_prefix, QUICK) as stage, running_member(stage.settings):
        async with Client.connect(stage.settings) as client:
            runs = await submitted(client, stage, [QUICK] * 5)
            first = await collected(client.follow(runs, stalled_seconds=20))
        async with Client.connect(stage.settings) as later:
            assert await collected(later.follow(runs, stalled_seconds=20, from_the_past=True)) == first
            with pytest.raises(Stalled) as stalled:
                await collected(later.follow(runs, stalled_seconds=0.5))
            assert stalled.value.waiting == 5


async def test_silence_is_stalled_and_not_failed(bootstrap: str, topic_prefix: str) -> None:
    """Without a worker nothing comes; with one the same run goes on to be followed."""
    async with staged(bootstrap, topic_prefix, QUICK) as stage, Client.connect(stage.settings) as client:
        run = await client.submit(stage.request(QUICK))
        with pytest.raises(Stalled, match="1 runs have no result yet"):
            await collected(client.follow([run], stalled_seconds=0.4))
        async with running_member(stage.settings):
            found = await collected(client.follow([run], stalled_seconds=20))
        assert isinstance(found[str(run)][-1], Finished)


async def test_results_alone_can_be_followed(bootstrap: str, topic_prefix: str) -> None:
    """One update for each run, and no pieces."""
    async with (
        staged(bootstrap, topic_prefix, QUICK) as stage,
        running_member(stage.settings),
        Client.connect(stage.settings) as client,
    ):
        runs = await submitted(client, stage, [QUICK] * 10)
        found = await collected(client.follow(runs, chunks=False, stalled_seconds=20))
        assert [[type(update) for update in found[str(run)]] for run in runs] == [[Finished]] * 10


async def test_two_clients_follow_at_once(bootstrap: str, topic_prefix: str) -> None:
    """They read without a group, so both see everything, each of its own runs and of the other's."""
    async with (
        staged(bootstrap, topic_prefix, SLOW) as stage,
        running_member(stage.settings),
        Client.connect(stage.settings) as one,
        Client.connect(stage.settings) as two,
    ):
        runs = [*await submitted(one, stage, [SLOW] * 3), *await submitted(two, stage, [SLOW] * 3)]
        seen = await asyncio.gather(
            collected(one.follow(runs, stalled_seconds=20)), collected(two.follow(runs, stalled_seconds=20))
        )
        assert seen[0] == seen[1]
        assert seen[0].keys() == {str(run) for run in runs}


async def test_a_run_is_cancelled_and_followed_to_its_end(bootstrap: str, topic_prefix: str) -> None:
    """Its reader has what came before, and then the result, which says that it is no answer.

    The tenant is that which the source pins, and its own control topic is taken.
    """
    own, control = f"{topic_prefix}.acme", f"{topic_prefix}.acme-control"
    changes: dict[str, Any] = {"sources": {own: "acme"}, "controls": {own: control}}
    async with (
        staged(bootstrap, topic_prefix, LONG, **changes) as stage,
        running_member(stage.settings),
        Client.connect(stage.settings) as client,
    ):
        run = await client.submit(stage.request(LONG, tenant="claimed"))
        updates: list[Update] = []
        async for update in client.follow([run], stalled_seconds=20):
            if not updates:
                cancel = await client.cancel(run)
                assert (cancel.tenant, cancel.run_id, cancel.request_id) == ("acme", str(run), None)
            updates.append(update)
        *pieces, last = updates
        assert {type(piece) for piece in pieces} == {Piece}
        assert isinstance(last, Finished)
        assert (last.result.status, last.result.text) == ("cancelled", None)
        assert len(await client._reader.partitions(control)) == 1
        assert set((await client._reader.ends(await client._reader.partitions(control))).values()) == {1}


async def test_a_cancel_names_one_thing(bootstrap: str, topic_prefix: str) -> None:
    """A run or a request id; a request id only with its tenant."""
    async with staged(bootstrap, topic_prefix, QUICK) as stage, Client.connect(stage.settings) as client:
        run = await client.submit(stage.request(QUICK))
        with pytest.raises(InvalidRequest, match="run_id or request_id"):
            await client.cancel(run, request_id="a")
        with pytest.raises(InvalidRequest, match="run_id or request_id"):
            await client.cancel(tenant="default")
        with pytest.raises(InvalidRequest, match="tenant: "):
            await client.cancel(request_id="a")
        another = replace(run, timestamp_ms=run.timestamp_ms + 1)
        with pytest.raises(SetupError, match="is not there any more"):
            await client.cancel(another)


async def test_an_answer_in_parts_is_one_result(bootstrap: str, topic_prefix: str) -> None:
    """A text above the record limit is cut for Kafka and joined for the reader."""
    model = "mock-t20000-i0-f0"
    limits = {"max_record_bytes": 100_000, "max_request_bytes": 80_000}
    async with (
        staged(bootstrap, topic_prefix, model, limits=limits) as stage,
        running_member(stage.settings),
        Client.connect(stage.settings) as client,
    ):
        run = await client.submit(stage.request(model, max_output_tokens=20_000))
        updates = [update async for update in client.follow([run], stalled_seconds=20)]
        last = updates[-1]
        assert isinstance(last, Finished)
        assert len((last.result.text or "").split()) == 20_000
        assert shown(updates) == last.result.text
        await stage.outputs.rest()
        assert len(stage.outputs.results_of(run)) > 3
        assert max(len(record.value or b"") for record in stage.outputs.records_of(run)) <= 100_000


async def test_a_wrong_request_is_refused_before_it_is_sent(bootstrap: str, topic_prefix: str) -> None:
    """The sentence names the field, and the topic stays empty."""
    async with staged(bootstrap, topic_prefix, QUICK) as stage, Client.connect(stage.settings) as client:
        with pytest.raises(InvalidRequest, match="unknown field 'colour'"):
            await client.submit(stage.request(QUICK, colour="red"))
        run = await client.submit(stage.request(QUICK))
        assert run.offset == 0


async def test_a_missing_topic_is_named(bootstrap: str, topic_prefix: str) -> None:
    """Whoever connects before the topics are there is told how to make them."""
    async with staged(bootstrap, topic_prefix, QUICK) as stage:
        missing = stage.settings.topics.model_copy(update={"results": f"{topic_prefix}.nowhere"})
        with pytest.raises(SetupError, match=rf"{topic_prefix}\.nowhere does not exist.*topics create"):
            async with Client.connect(stage.settings.model_copy(update={"topics": missing})):
                pass
