"""Cut streams are billed by what was learned: near to what their server counted, though its tokenizer is not ours."""

import random
from contextlib import suppress

import pytest

from streamproc.chain.accounting import Accounted
from streamproc.errors import ProviderError
from streamproc.mock.behaviour import MockSettings
from streamproc.mock.server import serve
from streamproc.money.calibration import Calibration
from tests.fakes import FakeClock, Seen, a_call, a_request
from tests.faults.raw_provider import provider_at
from tests.unit.chain.accounts import RATES, a_measure

MODEL = "mock-t200-i0-f0"
WORDS = [
    "orchard",
    "ferry",
    "lantern",
    "unquestionably",
    "gingerbread",
    "zeppelin",
    "kaleidoscopic",
    "wharf",
    "quixotically",
    "marzipan",
]


@pytest.mark.parametrize("seed", range(2))
async def test_estimates_of_cut_streams_are_near_the_server_s_own_count(seed: int) -> None:
    """The mock counts words: of these our tokenizer makes more, so the family's factor is far off.

    A fifth of 120 answers is cut after any number of tokens. After the first 20, which taught the factor, our bill of the
    cut ones is within 5 % of the mock's.
    """
    drawn = random.Random(seed)
    calibration = Calibration()
    billed = {"input": 0, "output": 0}
    async with (
        await serve(MockSettings(cut_rate=0.2, seed=seed), now=lambda: 1_764_000_000) as mock,
        provider_at(mock.base_url, max_event_bytes=2**20, max_body_bytes=2**20) as provider,
    ):
        accounted = Accounted(provider, lambda *_: RATES, a_measure(calibration=calibration), FakeClock(), Seen())
        for number in range(120):
            if number == 20:
                mock.stats.reset()
                billed = {"input": 0, "output": 0}
            words = " ".join(drawn.choices(WORDS, k=drawn.randint(150, 800)))
            call = a_call(a_request(messages=[{"role": "user", "content": words}]), model=MODEL, max_output_tokens=500)
            with suppress(ProviderError):
                async for _ in accounted.stream(call):
                    pass
            for line in call.progress.lines:
                if line.basis == "estimated":
                    billed["input"] += line.tokens.input or 0
                    billed["output"] += line.tokens.output or 0
        cut = [call for call in mock.stats.calls if call.outcome == "cut"]
    assert len(cut) > 10
    assert billed["input"] == pytest.approx(sum(call.input_tokens for call in cut), rel=0.05)
    assert billed["output"] == pytest.approx(sum(call.output_tokens for call in cut), rel=0.05)
