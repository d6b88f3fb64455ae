"""A header name that is no UTF-8.

Kafka stores such a record; aiokafka's decoder fails on it, and with it every poll of its batch. One sender with the
right to write requests could so stop a worker for ever, and records of other partitions that the failed poll had
already taken were lost.
"""

import json

from tests.contract.harness.member import running_member
from tests.contract.harness.raw_names import publish_with_raw_names
from tests.contract.harness.stage import staged

MODEL = "mock-t3-i1-f1"


async def test_header_names_that_are_no_utf8(bootstrap: str, topic_prefix: str) -> None:
    """Requests with such names are answered like others, before and after it and in other partitions."""
    async with staged(bootstrap, topic_prefix, MODEL) as stage:
        others = [await stage.ask(MODEL, partition=number % 4) for number in range(40)]
        strange = await publish_with_raw_names(
            stage.bootstrap,
            stage.settings.sources[0].topic,
            2,
            [json.dumps(stage.request(MODEL)).encode(), b"no request", json.dumps(stage.request(MODEL)).encode()],
        )
        others += [await stage.ask(MODEL, partition=number % 4) for number in range(40)]
        async with running_member(stage.settings):
            for run in [*others, strange[0], strange[2]]:
                assert (await stage.outputs.result(run)).status == "completed"
            assert (await stage.outputs.result(strange[1])).status == "rejected"
            await stage.has_committed(others[-2])
        assert stage.outputs.twice() == {}
