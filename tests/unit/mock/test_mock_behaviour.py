"""Models' names and settings decide what a call to the mock provider gets."""

import random
from collections import Counter

import pytest

from streamproc.errors import SetupError
from streamproc.mock.asked import Asked
from streamproc.mock.behaviour import MockSettings, Plan, plan_answer
from streamproc.mock.faults.catalogue import FAULTS, FaultShare, parse_share
from streamproc.mock.faults.fault import Planned
from streamproc.mock.shapes.shape import Shape
from streamproc.mock.shapes.table import SHAPES

SETTINGS = MockSettings(tokens=7, interval_seconds=0.5, first_token_seconds=0.25)
CHAT = SHAPES["/v1/chat/completions"]


def asked(model: str, *, max_tokens: int | None = None, shape: Shape = CHAT, is_streamed: bool = True) -> Asked:
    """A request with five words."""
    return Asked(shape.name, model, 5, max_tokens, is_streamed, wants_usage=True, request_hash="h")


def plan(
    model: str, *, max_tokens: int | None = None, is_repeated: bool = False, settings: MockSettings = SETTINGS
) -> Plan:
    """What a chat call gets, by these settings."""
    chance = random.Random(settings.seed).random
    return plan_answer(asked(model, max_tokens=max_tokens), CHAT, settings, is_repeated=is_repeated, chance=chance)


def faults(model: str, *, is_repeated: bool = False) -> list[str]:
    """The faults of a chat call, as the bill names them."""
    return [str(fault) for fault in plan(model, is_repeated=is_repeated).faults]


def test_a_name_that_says_all() -> None:
    """Tokens and times come from the name."""
    assert plan("mock-t100-i20-f50") == Plan(100, 0.02, 0.05)
    assert plan("mock-t10-r4-c3-w9") == Plan(
        10, 0.5, 0.25, reasoning_tokens=4, cached_tokens=3, cache_write_tokens=2
    )  # of five tokens of input


def test_a_name_that_says_a_part_of_it() -> None:
    """What the name leaves out comes from the settings."""
    assert plan("mock-i1") == Plan(7, 0.001, 0.25)


@pytest.mark.parametrize(
    "name",
    [
        "gpt-5",
        "mock-t",
        "mock-t5-x",
        "mock-t5-",
        "t5",
        "mock-e200",
        "mock-e4290",
        "mock-e",
        "mock-quota5",
        "mock-tonce5",
        "",
    ],
)
def test_a_name_outside_the_grammar(name: str) -> None:
    """The settings alone decide."""
    assert plan(name) == Plan(7, 0.5, 0.25)


@pytest.mark.parametrize("name", FAULTS)
def test_a_name_that_plans_a_fault(name: str) -> None:
    """Each can be named, with its number or its default, and for the first call of a body only."""
    fault = FAULTS[name]
    shape = SHAPES["/v1/responses"]
    for once, is_repeated in (("", False), ("", True), ("once", False), ("once", True)):
        for number in ("", "429") if fault.number else ("",):
            if name == "e" and not number:
                continue
            got = plan_answer(
                asked(f"mock-{name}{once}{number}", shape=shape),
                shape,
                SETTINGS,
                is_repeated=is_repeated,
                chance=lambda: 0.0,
            ).faults
            value = int(number) if number else (fault.number.default or 0) if fault.number else 0
            assert got == (() if once and is_repeated else (Planned(fault, value),))


@pytest.mark.parametrize("name", ["mock-eonce429", "mock-cutonce3", "mock-quotaonce"])
def test_a_fault_that_comes_once_and_a_repeated_body(name: str) -> None:
    """The repeated call gets its whole answer."""
    assert plan(name) != plan("mock")
    assert plan(name, is_repeated=True) == plan("mock")


def test_names_with_several_faults() -> None:
    """All of them, in the order of the name; one that cannot happen in the shape is left out."""
    assert faults("mock-gzip-cut3-failed") == ["gzip", "cut3"]
    assert faults("mock-gzip-cutonce3", is_repeated=True) == ["gzip"]


@pytest.mark.parametrize(("limit", "tokens", "is_limited"), [(6, 6, True), (7, 7, False), (8, 7, False)])
def test_a_limit_in_the_request(limit: int, tokens: int, *, is_limited: bool) -> None:
    """The smaller number wins; the answer counts as limited only when the limit cut something off."""
    assert plan("mock", max_tokens=limit) == Plan(tokens, 0.5, 0.25, is_limited=is_limited)


def outcomes(
    settings: MockSettings, shape: Shape = CHAT, *, is_streamed: bool = True, calls: int = 4000
) -> Counter[str]:
    """What so many calls get; twice the same with one seed."""

    def once() -> Counter[str]:
        chance, request = random.Random(11).random, asked("mock", shape=shape, is_streamed=is_streamed)
        plans = [plan_answer(request, shape, settings, is_repeated=False, chance=chance) for _ in range(calls)]
        return Counter(plan.faults[0].fault.name if plan.faults else "" for plan in plans)

    assert once() == once()
    return once()


def test_rates_of_errors_and_cuts() -> None:
    """The same seed gives the same faults, at about the rates that were set."""
    found = outcomes(MockSettings(tokens=10, error_rate=0.25, error_status=503, cut_rate=0.5))
    assert 800 < found["e"] < 1200
    assert 1300 < found["cut"] < 1700


def test_shares_of_faults() -> None:
    """Each at about its rate, one of them at most; one that cannot happen here leaves the answer as it is."""
    shares = (parse_share("badjson:0.2"), parse_share("failed:0.3"), parse_share("e503:0.1"))
    found = outcomes(MockSettings(faults=shares))
    assert set(found) == {"", "badjson", "e"}
    assert 700 < found["badjson"] < 900
    assert 320 < found["e"] < 480
    assert 2600 < found[""] < 3000


@pytest.mark.parametrize("path", SHAPES)
def test_a_share_of_mixed_faults(path: str) -> None:
    """Every fault that may be mixed and can happen to the call, about equally often; none of the others."""
    shape = SHAPES[path]
    for is_streamed in (True, False) if shape.stream_type else (False,):
        found = outcomes(MockSettings(faults=(parse_share("mixed:0.5"),)), shape, is_streamed=is_streamed)
        fits = {n for n, fault in FAULTS.items() if fault.is_mixed and fault.applies(shape, is_streamed=is_streamed)}
        assert 1800 < found.pop("") < 2200
        assert set(found) == fits
        assert max(found.values()) < 2.5 * min(found.values())


def test_shares_as_they_are_written() -> None:
    """Without a rate all calls; numbers as in names."""
    assert parse_share("cut40:0.25") == FaultShare(Planned(FAULTS["cut"], 40), 0.25)
    assert parse_share("cut") == FaultShare(Planned(FAULTS["cut"], 3), 1.0)
    assert parse_share("mixed:0.1") == FaultShare(None, 0.1)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("nonsense:0.1", "'nonsense' is no fault; there are: closefirst, .*, mixed"),
        ("", "'' is no fault"),
        ("e200", "the number behind e means: status, 400 to 599"),
        ("e", "the number behind e means"),
        ("gzip3", "gzip takes no number"),
        ("gzip:2", "rate of fault 'gzip' must lie between 0 and 1, not '2'"),
        ("gzip:often", "rate of fault 'gzip' must lie between 0 and 1, not 'often'"),
        ("gzip:nan", "rate of fault 'gzip' must lie between 0 and 1, not 'nan'"),
    ],
)
def test_shares_that_make_no_sense(text: str, sentence: str) -> None:
    """They are refused with a sentence."""
    with pytest.raises(SetupError, match=f"^mock provider: .*{sentence}"):
        parse_share(text)


@pytest.mark.parametrize(
    "wrong",
    [
        {"tokens": -1},
        {"error_rate": 1.5},
        {"cut_rate": -0.1},
        {"error_status": 200},
        {"interval_seconds": -1},
        {"faults": (parse_share("gzip:0.6"), parse_share("cut:0.6"))},
    ],
)
def test_settings_that_make_no_sense(wrong: dict[str, int]) -> None:
    """They are refused with a sentence."""
    with pytest.raises(SetupError, match="mock provider: "):
        MockSettings(**wrong)  # type: ignore[arg-type]  # wrong values are the point
