"""The rotation: turns follow the weights, whoever comes and goes."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.kafka.rotation import Rotation, evenly


def turns(rotation: Rotation, count: int) -> list[str]:
    """Who is served, so many times, when all have more to do."""
    served = []
    for _ in range(count):
        name = rotation.first()
        assert name is not None
        rotation.serve(name, stays=True)
        served.append(name)
    return served


@pytest.mark.parametrize("seed", range(3))
def test_shares_follow_the_weights(seed: int) -> None:
    """Within one hundredth of its share for each of fifty, from 0.1 to 20, that join in any order."""
    chance = random.Random(seed)
    weights = {f"t{number}": chance.choice([0.1, 0.5, 1, 2, 3, 7, 20]) for number in range(50)}
    rotation = Rotation(weights.__getitem__)
    for name in weights:
        rotation.join(name)
    count = int(2000 * sum(weights.values()))
    served = Counter(turns(rotation, count))
    for name, weight in weights.items():
        assert served[name] == pytest.approx(count * weight / sum(weights.values()), rel=0.01)


def test_equal_ones_take_turns() -> None:
    """In the order in which they came."""
    rotation = Rotation(evenly)
    for name in "abc":
        rotation.join(name)
    assert turns(rotation, 7) == list("abcabca")


def test_an_idle_one_gains_no_credit() -> None:
    """A tenant that was away for a thousand turns has no more of the next ones than the others."""
    rotation = Rotation(evenly)
    for name in "abc":
        rotation.join(name)
    rotation.leave("c")
    turns(rotation, 1000)
    rotation.join("c")
    assert Counter(turns(rotation, 30)) == {"a": 10, "b": 10, "c": 10}


def test_who_could_not_take_its_turn_gets_that_one_and_no_more() -> None:
    """Held for a thousand turns: it is next when it is back, and then one of three again."""
    rotation = Rotation(evenly)
    for name in "abc":
        rotation.join(name)
    rotation.step_aside("a")
    assert Counter(turns(rotation, 1000)) == {"b": 500, "c": 500}
    rotation.come_back("a")
    assert "a" in turns(rotation, 3)
    assert Counter(turns(rotation, 30)) == {"a": 10, "b": 10, "c": 10}


def test_a_stream_of_newcomers_starves_nobody() -> None:
    """Names of tenants come from senders: one that takes a new name for each request would always have been first."""
    rotation = Rotation(evenly)
    rotation.join("old")
    turns(rotation, 1)
    waited = 0
    for number in range(50):
        rotation.join(f"new-{number}")
        name = rotation.first()
        assert name is not None
        rotation.serve(name, stays=True)
        if name == "old":
            break
        rotation.leave(name)
        waited += 1
    assert waited <= 1


@given(st.lists(st.tuples(st.sampled_from("jlsabk"), st.sampled_from("abcd")), max_size=80))
def test_who_is_here_is_served_within_a_round(steps: list[tuple[str, str]]) -> None:
    """However the others come, go, step aside and return: with equal weights nobody has two turns before another's."""
    rotation = Rotation(evenly)
    here: dict[str, list[str]] = {}  # who was served since this one came
    aside: set[str] = set()
    for step, name in steps:
        if step == "j" and name not in here and name not in aside:
            rotation.join(name)
            here[name] = []
        elif step == "l":
            rotation.leave(name)
            here.pop(name, None)
            aside.discard(name)
        elif step == "a" and name in here:
            rotation.step_aside(name)
            del here[name]
            aside.add(name)
        elif step == "b" and name in aside:
            rotation.come_back(name)
            aside.discard(name)
            here[name] = []
        elif step == "s" and (first := rotation.first()) is not None:
            rotation.serve(first, stays=True)
            here[first] = []
            for other in here.keys() - {first}:
                here[other].append(first)
                assert Counter(here[other])[first] <= 2  # one that was before it, and one of the same round
    assert rotation.first() in here or not here
