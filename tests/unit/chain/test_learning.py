"""Accounting learns a model's tokens from the usage that providers tell, and estimates by them what nobody told."""

from typing import Any

import pytest

from streamproc.chain.provider import Completed, Text
from streamproc.errors import Disconnected
from streamproc.money.bound import HIDDEN_ALLOWANCE_TOKENS
from streamproc.money.calibration import Calibration, Spot
from streamproc.money.tokens import MESSAGE_TOKENS, REPLY_TOKENS
from streamproc.records.request import Request
from streamproc.records.usage import TokenCounts
from tests.fakes import a_call, a_request
from tests.unit.chain.accounts import Rig, a_measure, counter, the_call

WORDS = " the" * 100
OTHER = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
THOUGHTS = {"role": "assistant", "reasoning": [{"text": "hm", "signature": "s"}]}
INPUT, OUTPUT = Spot("p", "gpt-4o", "input"), Spot("p", "gpt-4o", "output")


def asking(**fields: Any) -> Request:
    """A request of 100 words, 100 tokens of our own tokenizer."""
    return a_request(**{"messages": [{"role": "user", "content": WORDS}], **fields})


async def learned_from(
    request: Request, usage: TokenCounts | None, calibration: Calibration, *, exact: bool = False, **fields: Any
) -> None:
    """What five calls with this usage teach; `exact` ones are OpenAI's own."""
    for _ in range(5):
        rig = Rig([Text(WORDS), Completed(usage, "stop")], calibration=calibration, exact=exact)
        await rig.run(the_call(request, **fields))


async def test_a_cut_answer_is_estimated_by_what_was_learned() -> None:
    """A server under a known name has a tokenizer of its own: input twice, output three times our count."""
    calibration = Calibration()
    told = TokenCounts(input=200 + MESSAGE_TOKENS + REPLY_TOKENS, output=300, cached_input=150)
    await learned_from(asking(), told, calibration)
    call = the_call(asking())
    await Rig([Text(WORDS), Disconnected("cut", provider="p")], calibration=calibration).fail(call)
    (line,) = call.progress.lines
    assert (line.basis, line.tokens) == ("estimated", TokenCounts(input=207, output=300))


async def test_a_model_of_which_nothing_is_known_is_estimated_by_its_kin() -> None:
    """The same provider's, and of the same kind: others may have another tokenizer.

    A worker that had just started was stopped when only its shortest answers had come: it billed all others by the
    factor for unknown models, 50 % too much for their prompts.
    """
    calibration = Calibration()
    told = TokenCounts(input=200 + MESSAGE_TOKENS + REPLY_TOKENS, output=300)
    await learned_from(asking(), told, calibration)
    for model, tokens in (("gpt-4.1", (207, 300)), ("llama", (127, 120)), ("claude-opus-4-6", (137, 130))):
        call = a_call(asking(), model=model)
        await Rig([Text(WORDS), Disconnected("cut", provider="p")], calibration=calibration).fail(call)
        (line,) = call.progress.lines
        assert (line.tokens.input, line.tokens.output) == tokens
    spot = Spot("elsewhere", "llama", "output")
    for _ in range(5):
        calibration.learn(spot, 100, 500)
    assert a_measure(calibration=calibration).kin_percent("mistral", "output") is None


async def test_a_bound_never_rests_on_what_was_learned() -> None:
    """It stays the bytes of the request: a factor is right in the middle only."""
    calibration = Calibration()
    await learned_from(asking(), TokenCounts(input=30, output=30), calibration)
    assert calibration.learned(INPUT).percent is not None
    call = the_call(asking())
    rig = Rig([Text("a"), Disconnected("cut", provider="p")], calibration=calibration)
    assert rig.accounted._bound(call, None).most.input == call.prompt_bytes + HIDDEN_ALLOWANCE_TOKENS


@pytest.mark.parametrize(
    ("request_", "usage", "spots"),
    [
        (asking(), TokenCounts(input=200, output=300), {INPUT, OUTPUT}),
        (asking(), TokenCounts(input=200, output=300, reasoning=10), {INPUT}),
        (asking(), TokenCounts(input=200, output=0), {INPUT}),
        (asking(), TokenCounts(input=200), set()),
        (asking(), None, set()),
        (
            asking(messages=[{"role": "user", "content": [{"type": "text", "text": WORDS}, OTHER]}]),
            TokenCounts(input=900, output=300),
            {OUTPUT},
        ),
        (
            asking(messages=[{"role": "user", "content": WORDS}, THOUGHTS]),
            TokenCounts(input=900, output=300),
            {OUTPUT},
        ),
    ],
)
async def test_what_teaches(request_: Request, usage: TokenCounts | None, spots: set[Spot]) -> None:
    """Usage of texts that we saw whole: no images, no reasoning that only the provider can read."""
    calibration = Calibration()
    await learned_from(request_, usage, calibration)
    assert {spot for spot, learned in calibration.all().items() if learned.samples} == spots


async def test_a_large_prompt_is_not_counted_for_learning() -> None:
    """It would hold up the event loop; nor is anything learned of a model whose own tokenizer is here."""
    calibration = Calibration()
    usage = TokenCounts(input=200, output=0)
    await learned_from(asking(), usage, calibration, prompt_bytes=20_001)
    assert calibration.learned(INPUT).samples == 0
    await learned_from(asking(), usage, calibration, exact=True)
    assert calibration.learned(INPUT).samples == 0


def test_few_calls_are_counted_once_it_is_known() -> None:
    """Counting takes 50 µs for each 1,000 characters: the first 64 calls of a model, and then each 32nd."""
    calibration = Calibration()
    measure = a_measure(calibration=calibration)
    for _ in range(64 + 320):
        measure.learn(asking(), "gpt-4o", 100, [WORDS], TokenCounts(input=200, output=300))
    measure.learn(asking(), "other", 100, [WORDS], TokenCounts(input=200, output=300))
    assert {spot.model: learned.samples for spot, learned in calibration.all().items()} == {"gpt-4o": 74, "other": 1}


def test_a_learned_factor_takes_the_place_of_the_family_s() -> None:
    """The allowance for the chat template is no part of it."""
    assert counter().count("claude-3-opus", " the" * 100, 110).tokens == 110
    assert counter().count_prompt("claude-3-opus", asking(), 200) == 200 + MESSAGE_TOKENS + REPLY_TOKENS
