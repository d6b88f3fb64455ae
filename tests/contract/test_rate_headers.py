"""A worker in front of a provider that limits tokens, and says beside each answer what is left of them."""

import asyncio

from streamproc.mock.behaviour import MockSettings
from streamproc.mock.server import serve
from tests.contract.harness.member import running_member
from tests.contract.harness.stage import staged

MODEL = "mock-t1-i0-f2"
AT_ONCE = 120
"""So many calls let the mock's bucket run dry; two more fit each second."""


async def test_no_call_is_refused_once_the_provider_has_said_what_is_left(bootstrap: str, topic_prefix: str) -> None:
    """Nothing of the limit stands in the settings. The first answer tells; six that do not fit wait, and are answered."""
    async with staged(bootstrap, topic_prefix, MODEL) as stage:
        port = stage.mock.port
        await stage.mock.close()
        stage.mock = await serve(MockSettings(tokens_per_minute=AT_ONCE * 1000), port=port)
        async with running_member(stage.settings):
            first = await stage.ask(MODEL, max_output_tokens=997)
            assert (await stage.outputs.result(first)).status == "completed"
            runs = await asyncio.gather(
                *(stage.ask(MODEL, partition=n % 4, max_output_tokens=997) for n in range(AT_ONCE + 5))
            )
            results = [await stage.outputs.result(run) for run in runs]
        assert {result.status for result in results} == {"completed"}
        assert stage.mock.stats.snapshot()["requests"] == AT_ONCE + 6
