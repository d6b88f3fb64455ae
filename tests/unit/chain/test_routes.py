"""The choice of a variant: shares follow the weights, keys stay where they are, conditions are what they say."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.chain.routes import Surroundings, holds, pick, prompt_tokens, sticky_key
from streamproc.settings.routes import WhenSettings
from tests.fakes import NOW, a_request, asked

MANY = 100_000
IMAGE = "data:image/gif;base64,R0lGODlh" + "A" * 4000
WEIGHTS = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from([0, 0.1, 1, 1, 5]), min_size=1)


def picked(weights: Mapping[str, float], keys: int = MANY) -> list[str | None]:
    """What so many keys get."""
    return [pick("route", f"tenant-{number}", weights) for number in range(keys)]


@pytest.mark.parametrize("weights", [{"a": 1, "b": 1}, {"a": 90, "b": 9, "c": 1}, {"a": 0.2, "b": 0.3, "c": 0.5}])
def test_shares_follow_the_weights(weights: Mapping[str, float]) -> None:
    """Within one percent of all keys."""
    counts, whole = Counter(picked(weights)), sum(weights.values())
    for name, weight in weights.items():
        assert abs(counts[name] / MANY - weight / whole) < 0.01


def test_a_weight_that_grows_takes_from_the_others_and_nothing_moves_between_them() -> None:
    """As many keys move as the share grew by."""
    before, after = picked({"a": 1, "b": 1, "c": 2}), picked({"a": 2, "b": 1, "c": 2})
    moved = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert {new for _, new in moved} == {"a"}
    assert abs(len(moved) / MANY - (2 / 5 - 1 / 4)) < 0.01


@given(WEIGHTS, st.sampled_from("abcdef"), st.text())
def test_keys_of_the_others_stay_when_a_variant_comes_or_goes(weights: dict[str, float], name: str, key: str) -> None:
    """Also in another order: only a variant's own keys look for another one."""
    without = {other: weight for other, weight in reversed(weights.items()) if other != name}
    before, after = pick("r", key, weights), pick("r", key, without)
    assert before in (after, name)
    assert before is None or weights[before] > 0
    assert (before is None) == (not any(weights.values()))


def test_routes_decide_independently() -> None:
    """Who is in the smaller half of one experiment is not in that of all others."""
    both = Counter(
        (pick("one", f"t{number}", {"a": 1, "b": 1}), pick("two", f"t{number}", {"a": 1, "b": 1}))
        for number in range(10_000)
    )
    assert all(abs(count / 10_000 - 0.25) < 0.02 for count in both.values())


def test_who_stays_with_a_variant() -> None:
    """Users are their tenant's own; a request without one stays with its tenant; a run begins anew as it was."""
    ann = asked(a_request(user="ann"))
    assert sticky_key("tenant", ann) == sticky_key("user", asked(a_request())) == "default"
    assert sticky_key("user", ann) != sticky_key("user", ann._replace(tenant="other"))
    assert sticky_key("request", ann) == ann.run_id


def nothing_known() -> None:
    """An unknown figure."""


def never() -> bool:
    """For what must not be asked."""
    raise AssertionError


@pytest.mark.parametrize(
    ("when", "request_", "expected"),
    [
        ({}, {}, True),
        ({"tools": True}, {}, False),
        ({"tools": False}, {}, True),
        ({"tools": True}, {"tools": [{"type": "function", "function": {"name": "f"}}]}, True),
        ({"images": True}, {}, False),
        (
            {"images": True},
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": IMAGE}}]}]},
            True,
        ),
        ({"json_schema": True}, {"response_format": {"type": "json_object"}}, False),
        (
            {"json_schema": True},
            {"response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": {}}}},
            True,
        ),
        ({"min_prompt_tokens": 25}, {}, True),
        ({"min_prompt_tokens": 26}, {}, False),
        ({"max_prompt_tokens": 25}, {}, True),
        ({"max_prompt_tokens": 24}, {}, False),
        ({"min_seconds_left": 600}, {}, True),
        ({"min_seconds_left": 601}, {}, False),
        ({"max_seconds_left": 599}, {}, False),
        ({"max_usd": 0.000002}, {}, True),
        ({"max_usd": 0.000001}, {}, False),
        ({"spent_share": 0.8}, {}, True),
        ({"spent_share": 0.9}, {}, False),
        ({"rule": "a:b"}, {}, True),
        ({"tools": False, "max_prompt_tokens": 24}, {}, False),
    ],
)
def test_conditions(when: dict[str, Any], request_: dict[str, Any], expected: bool) -> None:
    """A request of 100 bytes, 600 s before its deadline, for at most two millionth of a dollar."""
    around = Surroundings(NOW, lambda: 2000, lambda: 0.8, lambda: True)
    assert holds(WhenSettings.model_validate(when), asked(a_request(**request_)), around) is expected


@pytest.mark.parametrize("when", [{"max_usd": 100}, {"spent_share": 0.1}])
def test_what_is_not_known_fulfils_nothing(when: dict[str, Any]) -> None:
    """A price or a budget that nobody knows of."""
    around = Surroundings(NOW, nothing_known, nothing_known, never)
    assert holds(WhenSettings.model_validate(when), asked(a_request()), around) is False


def test_only_what_counts_is_found_out() -> None:
    """A rule that takes its time is not asked about a request that is not for its variant."""
    around = Surroundings(NOW, never, never, never)
    assert holds(WhenSettings(tools=True, rule="a:b", max_usd=1, spent_share=0.5), asked(a_request()), around) is False


def test_the_data_of_images_is_no_prompt() -> None:
    """A picture of a megabyte has about as many tokens as a small one."""
    image = {"type": "image_url", "image_url": {"url": IMAGE}}
    request = a_request(messages=[{"role": "user", "content": [image]}])
    assert prompt_tokens(asked(request, size_bytes=len(IMAGE) + 100)) == 25
