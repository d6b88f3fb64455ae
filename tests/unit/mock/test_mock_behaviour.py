"""Models' names and settings decide what a call to the mock provider gets."""

import random

import pytest

from streamproc.errors import SetupError
from streamproc.mock.api_error import ApiError
from streamproc.mock.behaviour import MockSettings, Plan, plan_answer

SETTINGS = MockSettings(tokens=7, interval_seconds=0.5, first_token_seconds=0.25)


def plan(
    model: str, *, max_tokens: int | None = None, is_repeated: bool = False, settings: MockSettings = SETTINGS
) -> Plan | ApiError:
    """What a call gets, by these settings."""
    chance = random.Random(settings.seed).random
    return plan_answer(model, max_tokens, settings, is_repeated=is_repeated, chance=chance)


def test_a_name_that_says_all() -> None:
    """Tokens and times come from the name."""
    assert plan("mock-t100-i20-f50") == Plan(100, 0.02, 0.05, "stop", None, sends_usage=True)


def test_a_name_that_says_a_part_of_it() -> None:
    """What the name leaves out comes from the settings."""
    assert plan("mock-i1") == Plan(7, 0.001, 0.25, "stop", None, sends_usage=True)


@pytest.mark.parametrize("name", ["gpt-5", "mock-t", "mock-t5-x", "mock-t5-", "t5", "mock-e200", "mock-e4290", ""])
def test_a_name_outside_the_grammar(name: str) -> None:
    """The settings alone decide."""
    assert plan(name) == Plan(7, 0.5, 0.25, "stop", None, sends_usage=True)


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("mock-e429", 429, "rate_limit_exceeded"),
        ("mock-e500", 500, "server_error"),
        ("mock-e401", 401, "invalid_api_key"),
        ("mock-quota", 429, "insufficient_quota"),
        ("mock-t9-eonce503", 503, "server_is_overloaded"),
    ],
)
def test_a_name_that_plans_an_error(name: str, status: int, code: str) -> None:
    """The call gets that error with OpenAI's code."""
    error = plan(name)
    assert isinstance(error, ApiError)
    assert (error.status, error.code) == (status, code)


@pytest.mark.parametrize("name", ["mock-eonce429", "mock-cutonce3"])
def test_a_fault_that_comes_once_and_a_repeated_body(name: str) -> None:
    """The repeated call gets its whole answer."""
    assert plan(name) != plan("mock")
    assert plan(name, is_repeated=True) == plan("mock")


def test_a_name_that_plans_a_cut() -> None:
    """The cut comes after that many tokens, and never after more than there are."""
    assert plan("mock-cut3") == Plan(7, 0.5, 0.25, "stop", 3, sends_usage=True)
    assert plan("mock-cut40") == Plan(7, 0.5, 0.25, "stop", 7, sends_usage=True)


@pytest.mark.parametrize(("limit", "tokens", "reason"), [(6, 6, "length"), (7, 7, "stop"), (8, 7, "stop")])
def test_a_limit_in_the_request(limit: int, tokens: int, reason: str) -> None:
    """The smaller number wins; `length` only when the limit cut something off."""
    assert plan("mock", max_tokens=limit) == Plan(tokens, 0.5, 0.25, reason, None, sends_usage=True)


def test_rates_of_errors_and_cuts() -> None:
    """The same seed gives the same faults, at about the rates that were set."""
    settings = MockSettings(tokens=10, error_rate=0.25, error_status=503, cut_rate=0.5)

    def outcomes() -> list[str]:
        chance = random.Random(11).random
        plans = [plan_answer("mock", None, settings, is_repeated=False, chance=chance) for _ in range(2000)]
        return [
            str(plan.status) if isinstance(plan, ApiError) else "whole" if plan.cut_after is None else "cut"
            for plan in plans
        ]

    assert outcomes() == outcomes()
    assert 400 < outcomes().count("503") < 600
    assert 650 < outcomes().count("cut") < 850


@pytest.mark.parametrize(
    "wrong", [{"tokens": -1}, {"error_rate": 1.5}, {"cut_rate": -0.1}, {"error_status": 200}, {"interval_seconds": -1}]
)
def test_settings_that_make_no_sense(wrong: dict[str, int]) -> None:
    """They are refused with a sentence."""
    with pytest.raises(SetupError, match="mock provider: "):
        MockSettings(**wrong)  # type: ignore[arg-type]  # wrong values are the point
